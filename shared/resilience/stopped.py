"""Why a dependency was not called."""

from shared.errors import Unavailable


class Stopped(Unavailable):
    """A dependency of this was not called."""

    def __init__(self, detail: str | None = None, wait_seconds: float = 1.0) -> None:
        """wait_seconds: how long until it is worth another try."""
        super().__init__(detail)
        self.wait_seconds = wait_seconds


class CircuitOpen(Stopped):
    """A dependency of this has failed too often just now, and is left alone for a moment."""


class Overloaded(Stopped):
    """Too many requests wait for a dependency of this."""
