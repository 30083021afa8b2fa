"""What every call of the typed client has in common: how it is sent, and what becomes of the answer."""

import secrets
from collections.abc import Mapping
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import quote

import httpx
import msgspec

T = TypeVar("T")

PROBLEM: Final = "application/problem+json"


class Send(Protocol):
    """Sends a request and returns whatever is answered, as `httpx.Client.request` does."""

    def __call__(
        self, method: str, url: str, /, *, params: Mapping[str, Any], content: bytes | None, headers: Mapping[str, str]
    ) -> httpx.Response:
        """Raises httpx.TransportError where nothing is answered."""


class FieldError(msgspec.Struct, frozen=True):
    """A field that is wrong, and what is wrong with it."""

    field: str
    message: str


class ApiError(httpx.HTTPStatusError):
    """A refusal, as its problem document (RFC 9457) tells of it. Whoever handles httpx's errors handles it too.

    code: stable, to decide by; empty where something else than Meridian answered.
    retry_after: when to try again, in seconds, where that is said.
    members: what else the document says, such as the `order_id` of a refused order.
    """

    def __init__(self, response: httpx.Response) -> None:
        """response: an answer that is no success."""
        problem = response.headers.get("Content-Type", "").partition(";")[0].strip().lower() == PROBLEM
        told: dict[str, Any] = msgspec.json.decode(response.content, type=dict[str, Any]) if problem else {}
        after = response.headers.get("Retry-After", "")
        self.status = response.status_code
        self.title = str(told.pop("title", response.reason_phrase))
        self.detail = str(told.pop("detail", ""))
        self.code = str(told.pop("code", ""))
        self.request_id = str(told.pop("request_id", response.headers.get("X-Request-Id", "")))
        self.errors = msgspec.convert(told.pop("errors", []), list[FieldError])
        self.retry_after = int(after) if after.isdecimal() else None
        self.members = {name: value for name, value in told.items() if name not in ("type", "status")}
        wrong = "".join(f"; {error.field}: {error.message}" for error in self.errors)
        super().__init__(
            f"{self.status} {self.code or self.title}: {self.detail}{wrong}",
            request=response.request,
            response=response,
        )


class Caller:
    """Makes calls. The generated client adds one method for each operation."""

    def __init__(self, send: Send) -> None:
        """send: adds the address of the API and, where somebody is signed in, their token."""
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

        route: with the names of its parameters in braces, which `path` gives.
        query: what is None stays out. body: what is UNSET stays out.
        Raises ApiError, httpx.TransportError, and msgspec.ValidationError for an answer of another type.
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
    """An idempotency key for a new request."""
    return secrets.token_hex(16)
