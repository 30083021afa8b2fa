"""Outgoing HTTP: with total deadlines, and for user-supplied URLs never to internal addresses (SSRF)."""
