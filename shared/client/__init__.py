"""Clients of the public API, one folder per language."""
