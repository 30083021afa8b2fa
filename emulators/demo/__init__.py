"""The demo of `make run`: one purchase, the sample sale, and its report."""
