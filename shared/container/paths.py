"""Keeps from functions-framework the paths that it would answer by itself: by a page, a redirect, an error in HTML."""

from typing import Any, Final

UNMATCHED: Final = "/_unmatched"
"""A path that no row has, and that the framework passes on."""

RESERVED: Final = ("/robots.txt", "/favicon.ico")
"""Paths that functions-framework answers itself, with a 404 in HTML."""


def decoded(path: str) -> str | None:
    """A path as text: WSGI carries its bytes as Latin-1. None if it is not UTF-8 or has a line feed.

    functions-framework's own routes do not match across lines.
    """
    try:
        text = path.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return None
    return None if "\n" in text else text


def passed_on(environ: dict[str, Any]) -> dict[str, Any]:
    """A WSGI environment whose path reaches the function. No row has a path that the framework keeps to itself, so
    another unknown path is substituted, to get the contract's ROUTE_NOT_FOUND.
    """
    path = environ["PATH_INFO"]
    if path in RESERVED or "//" in path or decoded(path) is None:
        return {**environ, "PATH_INFO": UNMATCHED}
    return environ
