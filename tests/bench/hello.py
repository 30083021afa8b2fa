"""The function that Meridian's are compared with: it does nothing, on functions-framework's default server."""

from typing import Any


def hello(_: Any) -> str:
    """Answer."""
    return "hello"
