"""The rules of being told: plain Python, no I/O, no clock."""
