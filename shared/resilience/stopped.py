"""Why a dependency was not called."""

from shared.errors import Stopped


class CircuitOpen(Stopped):
    """A dependency of this has failed too often just now, and is left alone for a moment."""


class Overloaded(Stopped):
    """Too many requests wait for a dependency of this."""
