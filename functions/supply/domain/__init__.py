"""The rules of supplies and stock: plain Python, no I/O, no clock."""
