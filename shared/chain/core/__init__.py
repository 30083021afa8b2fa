"""A chain without I/O: its values, how its blocks are scanned, how a key's transactions are sent in order."""
