"""Whole purchases through every service, and what may get in their way."""
