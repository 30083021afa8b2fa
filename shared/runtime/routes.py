"""Matches paths and methods to registry rows."""

import re
from collections.abc import Iterable, Sequence

from shared.errors import MethodNotAllowed
from shared.registry import Row


class Router:
    """Matches requests against the path templates of HTTP rows; a literal path precedes one with parameters."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._routes = [(pattern(row), row) for row in sorted(rows, key=lambda row: len(row.parameters))]

    def match(self, method: str, path: str) -> Row | None:
        """The matching row, for HEAD that of GET; None if there is none."""
        served = "GET" if method == "HEAD" else method
        return next((row for row in self._at(path) if row.method == served), None)

    def allowed(self, path: str) -> list[str]:
        """The methods that a path supports; empty for an unknown path."""
        methods = {row.method for row in self._at(path)}
        return sorted(each for method in methods for each in answers_to(method))

    def _at(self, path: str) -> list[Row]:
        """The rows of the one template that a path matches."""
        found = [row for route, row in self._routes if route.fullmatch(path)]
        return [row for row in found if row.path == found[0].path]


def answers_to(method: str) -> tuple[str, ...]:
    """The methods that a row with this method serves: GET includes HEAD (RFC 9110, 9.3.2)."""
    return ("GET", "HEAD") if method == "GET" else (method,)


def check_method(method: str, allowed: Sequence[str]) -> None:
    """Make sure that this function serves the method. Raises MethodNotAllowed."""
    if method not in allowed:
        raise MethodNotAllowed(allowed)


def pattern(row: Row) -> re.Pattern[str]:
    """A row's path template as a pattern whose groups are the path parameters."""
    parts = re.split(r"{(\w+)}", row.path)
    return re.compile("".join(f"(?P<{part}>[^/]+)" if i % 2 else re.escape(part) for i, part in enumerate(parts)))
