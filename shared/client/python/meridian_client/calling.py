"""What all calls of the typed client share: sending the request, and decoding the response or error."""

import secrets
from collections.abc import Awaitable, Mapping
from typing import Any, Final, NamedTuple, Protocol, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from .decoding import ready
from .errors import ApiError
from .retries import ONCE, Retries, may_repeat

T = TypeVar("T")

JSON: Final = {"Content-Type": "application/json"}


class Send(Protocol):
    """Sends a request and returns the response, as `httpx.Client.request` does."""

    def __call__(
        self, method: str, url: str, /, *, params: Mapping[str, Any], content: bytes | None, headers: Mapping[str, str]
    ) -> httpx.Response:
        """Raises httpx.TransportError if there is no response."""


class AsyncSend(Protocol):
    """Sends a request and returns the response, as `httpx.AsyncClient.request` does."""

    def __call__(
        self, method: str, url: str, /, *, params: Mapping[str, Any], content: bytes | None, headers: Mapping[str, str]
    ) -> Awaitable[httpx.Response]:
        """Raises httpx.TransportError if there is no response."""


class Call(NamedTuple):
    """A request as it is sent, the same each time."""

    method: str
    url: str
    params: Mapping[str, Any]
    content: bytes | None
    headers: Mapping[str, str]


class Caller:
    """The base class of the generated client, which adds one method per operation."""

    def __init__(self, send: Send, retries: Retries = ONCE) -> None:
        """send: adds the API's base URL and, for a signed-in user, their access token. retries: by default none."""
        self._send = send
        self._retries = retries

    def _call(self, answer: type[T], method: str, route: str, *, repeatable: bool = False, **parts: Any) -> T:
        """Send a request, and again where `retries` says so.

        parts: those of `request`. repeatable: sending it twice does no more than once, though it has no key.
        Raises ApiError, httpx.TransportError, and msgspec.ValidationError for a response of another type.
        """
        call = request(method, route, **parts)
        attempts = self._retries.attempts_of(may_repeat(method, call.headers) or repeatable)
        return decoded(answer, attempts(self._once, call))

    def _once(self, call: Call) -> httpx.Response:
        return self._send(call.method, call.url, params=call.params, content=call.content, headers=call.headers)


class AsyncCaller:
    """The base class of the generated asynchronous client, as Caller."""

    def __init__(self, send: AsyncSend, retries: Retries = ONCE) -> None:
        """As Caller's."""
        self._send = send
        self._retries = retries

    async def _call(self, answer: type[T], method: str, route: str, *, repeatable: bool = False, **parts: Any) -> T:
        """As Caller's."""
        call = request(method, route, **parts)
        attempts = self._retries.async_attempts_of(may_repeat(method, call.headers) or repeatable)
        return decoded(answer, await attempts(self._once, call))

    async def _once(self, call: Call) -> httpx.Response:
        return await self._send(call.method, call.url, params=call.params, content=call.content, headers=call.headers)


def request(
    method: str,
    route: str,
    *,
    path: Mapping[str, str] | None = None,
    query: Mapping[str, Any] | None = None,
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Call:
    """The request for a call of an operation.

    route: the path template, whose parameters are in `path`.
    query: None values are omitted. body: UNSET values are omitted.
    """
    url = route.format_map({name: quote(value, safe="") for name, value in (path or {}).items()})
    given = {name: value for name, value in (query or {}).items() if value is not None}
    content = None
    if body is not None:
        content = msgspec.json.encode({name: value for name, value in body.items() if value is not msgspec.UNSET})
    return Call(
        method, url, msgspec.to_builtins(given), content, {**(headers or {}), **(JSON if body is not None else {})}
    )


def decoded(answer: type[T], response: httpx.Response) -> T:
    """What a response says. Raises ApiError, and msgspec.ValidationError for one of another type."""
    if not response.is_success:
        raise ApiError(response)
    if answer is str:
        return msgspec.convert(response.text, ready(answer))
    return msgspec.json.decode(response.content or b"null", type=ready(answer))


def fresh_key() -> str:
    """A new idempotency key."""
    return secrets.token_hex(16)
