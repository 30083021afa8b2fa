"""What can go wrong with the local stack. Each message is one sentence that says what to do; no traceback is shown."""


class StackError(Exception):
    """The local stack cannot do what was asked."""


class MissingPart(StackError):
    """A part is not installed."""

    def __init__(self, part: str, remedy: str) -> None:
        """
        part: what is missing, as its users call it.
        remedy: an imperative clause that says what to install, without a full stop.
        """
        super().__init__(f"{part} is missing: {remedy}.")


class NotReady(StackError):
    """A process ended, or was not ready in time."""
