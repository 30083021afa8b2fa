"""What all calls of the typed client share: sending the request, and decoding the response or error."""

import secrets
from collections.abc import Mapping
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import quote

import httpx
import msgspec

T = TypeVar("T")

PROBLEM: Final = "application/problem+json"


class Send(Protocol):
    """Sends a request and returns the response, as `httpx.Client.request` does."""

    def __call__(
        self, method: str, url: str, /, *, params: Mapping[str, Any], content: bytes | None, headers: Mapping[str, str]
    ) -> httpx.Response:
        """Raises httpx.TransportError if there is no response."""


class FieldError(msgspec.Struct, frozen=True):
    """An invalid field, and what is wrong with it."""

    field: str
    message: str


class ApiError(httpx.HTTPStatusError):
    """An error response, parsed from its problem document (RFC 9457). It is a subclass of httpx.HTTPStatusError.

    code: the stable error code; empty if the response did not come from Meridian.
    retry_after: in how many seconds to retry, if given.
    members: further members of the document, such as the `order_id` of a refused order.
    """

    def __init__(self, response: httpx.Response) -> None:
        """response: one with an error status."""
        problem = response.headers.get("Content-Type", "").partition(";")[0].strip().lower() == PROBLEM
        document: dict[str, Any] = msgspec.json.decode(response.content, type=dict[str, Any]) if problem else {}
        after = response.headers.get("Retry-After", "")
        self.status = response.status_code
        self.title = str(document.pop("title", response.reason_phrase))
        self.detail = str(document.pop("detail", ""))
        self.code = str(document.pop("code", ""))
        self.request_id = str(document.pop("request_id", response.headers.get("X-Request-Id", "")))
        self.errors = msgspec.convert(document.pop("errors", []), list[FieldError])
        self.retry_after = int(after) if after.isdecimal() else None
        self.members = {name: value for name, value in document.items() if name not in ("type", "status")}
        wrong = "".join(f"; {error.field}: {error.message}" for error in self.errors)
        super().__init__(
            f"{self.status} {self.code or self.title}: {self.detail}{wrong}",
            request=response.request,
            response=response,
        )


class Caller:
    """The base class of the generated client, which adds one method per operation."""

    def __init__(self, send: Send) -> None:
        """send: adds the API's base URL and, for a signed-in user, their access token."""
        self._send = send

    def _call(
        self,
        answer: type[T],
        method: str,
        route: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """Send one request.

        route: the path template, whose parameters are in `path`.
        query: None values are omitted. body: UNSET values are omitted.
        Raises ApiError, httpx.TransportError, and msgspec.ValidationError for a response of another type.
        """
        url = route.format_map({name: quote(value, safe="") for name, value in (path or {}).items()})
        given = {name: value for name, value in (query or {}).items() if value is not None}
        content = None
        more = dict(headers or {})
        if body is not None:
            content = msgspec.json.encode({name: value for name, value in body.items() if value is not msgspec.UNSET})
            more["Content-Type"] = "application/json"
        response = self._send(method, url, params=msgspec.to_builtins(given), content=content, headers=more)
        if not response.is_success:
            raise ApiError(response)
        if answer is str:
            return msgspec.convert(response.text, answer)
        return msgspec.json.decode(response.content or b"null", type=answer)


def fresh_key() -> str:
    """A new idempotency key."""
    return secrets.token_hex(16)
