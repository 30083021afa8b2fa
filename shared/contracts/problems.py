"""Errors as RFC 9457 problem documents: the one table from errors to status codes."""

import math
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

import msgspec

from shared import errors
from shared.contracts import edge_errors

STATUS: Final[dict[type[errors.MeridianError], int]] = {
    errors.Malformed: 400,
    edge_errors.EdgeRefusal: 400,
    edge_errors.UpgradeRefused: 403,
    edge_errors.RequestTimeout: 408,
    edge_errors.UpgradeRequired: 426,
    edge_errors.HeadersTooLarge: 431,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.Refusal: 409,
    errors.KeyInUse: 409,
    errors.Stale: 412,
    errors.TooLarge: 413,
    errors.NotJson: 415,
    errors.Misdirected: 421,
    errors.KeyReused: 422,
    errors.MatchRequired: 428,
    errors.Limited: 429,
    errors.Unavailable: 503,
    errors.Contended: 503,
    errors.MeridianError: 500,
}

TITLES: Final = {413: "Content Too Large", 422: "Unprocessable Content"}
"""The reason phrases of RFC 9110 where Python's are older or differ between versions."""

HEADERS: Final = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
"""The headers of every problem document."""

REFERENCE: Final = "/docs#"
"""Where the reference explains a problem: behind this, its code."""

RETRY_AFTER_SECONDS: Final = {errors.KeyInUse: 1, errors.Contended: 1}


def status_of(error: errors.MeridianError) -> int:
    """The status of an error: that of its nearest class in the table."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def error_classes(kind: type[errors.MeridianError] = errors.MeridianError) -> Iterator[type[errors.MeridianError]]:
    """An error class and all that are derived from it, without those that tests make."""
    if not kind.__module__.startswith("tests."):
        yield kind
    for each in kind.__subclasses__():
        yield from error_classes(each)


def title_of(status: int) -> str:
    """The reason phrase of a status in RFC 9110."""
    return TITLES.get(status) or HTTPStatus(status).phrase


def body_of(error: errors.MeridianError, request_id: str, site: str = "") -> bytes:
    """The problem document of an error. site: the URL that the API is at."""
    status = status_of(error)
    listed = {"errors": error.errors} if isinstance(error, errors.Malformed) else {}
    return document(status, error.code, error.detail, request_id, site, **listed, **error.members)


def type_of(code: str, site: str = "") -> str:
    """The URL at which the reference explains a code (RFC 9457, 3.1.1). site: the URL that the API is at."""
    return f"{site}{REFERENCE}{code}"


def document(status: int, code: str, detail: str, request_id: str, site: str = "", **members: Any) -> bytes:
    """A problem document."""
    return msgspec.json.encode(
        {
            "type": type_of(code, site),
            "title": title_of(status),
            "status": status,
            "detail": detail,
            "code": code,
            "request_id": request_id,
            **members,
        }
    )


def headers_of(error: errors.MeridianError) -> dict[str, str]:
    """The headers of an error's response."""
    headers = dict(HEADERS)
    for kind, seconds in RETRY_AFTER_SECONDS.items():
        if isinstance(error, kind):
            headers["Retry-After"] = str(seconds)
    if isinstance(error, errors.Limited | errors.Unavailable):
        headers["Retry-After"] = str(math.ceil(error.wait_seconds))
    if isinstance(error, errors.MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    if isinstance(error, errors.Unauthenticated):
        headers["WWW-Authenticate"] = _challenge(error.challenge, error_description=error.detail)
    if isinstance(error, errors.Forbidden) and error.scope:
        headers["WWW-Authenticate"] = _challenge("insufficient_scope", scope=error.scope)
    return headers


def _challenge(error: str, **more: str) -> str:
    """What to authenticate with (RFC 6750, 3). error: what is wrong with the token; empty if there was none."""
    parameters = {"error": error, **more} if error else {}
    return ", ".join(["Bearer", *(f'{name}="{value}"' for name, value in parameters.items())]).replace(",", "", 1)
