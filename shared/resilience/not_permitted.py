"""The reasons why a dependency was not called. The docstrings are messages of the API."""

from shared.errors import CallNotPermitted


class CircuitOpen(CallNotPermitted):
    """A dependency of this has failed too often just now, and is left alone for a moment."""


class Overloaded(CallNotPermitted):
    """Too many requests wait for a dependency of this."""
