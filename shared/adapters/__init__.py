"""Adapters to real parts. A library is imported on first use, so that a cold start pays only for what is used."""
