"""The errors of the local stack. Each message is one sentence with the remedy, shown without a traceback."""


class StackError(Exception):
    """The local stack cannot do what was requested."""


class MissingDependency(StackError):
    """An executable or package is not installed."""

    def __init__(self, name: str, remedy: str) -> None:
        """
        name: what is missing, in the words of its users.
        remedy: an imperative clause saying what to install, without a full stop.
        """
        super().__init__(f"{name} is missing: {remedy}.")


class NotReady(StackError):
    """A process exited, or was not ready in time."""
