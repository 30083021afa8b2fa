"""Turns requests, events and calls into operations: decode, authenticate, authorise, limit, call, encode."""
