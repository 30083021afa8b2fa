"""The rules of claims: plain Python, no I/O, no clock."""
