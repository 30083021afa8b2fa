"""The rules of feeds and webhooks: plain Python, no I/O, no clock."""
