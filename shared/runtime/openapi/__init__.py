"""The OpenAPI document: generated from registry rows, types and errors (document.py)."""
