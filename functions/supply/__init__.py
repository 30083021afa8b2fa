"""Supplies: what merchants put on sale, and its stock; see README.md."""
