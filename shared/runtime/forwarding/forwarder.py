"""Finds the cell that answers a request, and hands the request on to it.

A request goes on as it came: method, path, query, headers, body and token; the response comes back as it is. The home
runs the whole pipeline. What was sent without an idempotency key is never sent again; what only reads, or carries a
key, is sent once more after MOVED, and when a kept connection turned out to be closed.

A process that serves the cell answers by itself, and nothing is handed on where no other cell has an address.
"""

import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import flask
import msgspec

from shared import ids
from shared.clock import Clock
from shared.config import Settings
from shared.decoding import ready
from shared.errors import CallNotPermitted, CellUnreachable, Moved, OutcomeUnknown, Unavailable
from shared.firestore.cells import CellMap, ServedCell
from shared.registry import Row, load
from shared.resilience.deadline import time_for
from shared.resilience.policies import POLICIES
from shared.runtime import tokens
from shared.runtime.forwarding.hops import PREFIX, Hop, HopCredentials, headers_of
from shared.runtime.peer import client_address
from shared.runtime.request_headers import IDEMPOTENCY_KEY, bearer_token
from shared.telemetry.context import trace_context

if TYPE_CHECKING:
    from urllib3 import PoolManager

    from shared.resilience.breaker import Breaker

log = logging.getLogger(__name__)

MISDIRECTED: Final = 421

SAFE: Final = ("GET", "HEAD")

CLOSED_WITHIN_SECONDS: Final = 1.0
"""How soon a kept connection that the other side has closed is known to be closed."""

CONNECT_SECONDS: Final = 1.0
CONNECTIONS: Final = 16
"""Connections kept to each address."""

ANSWER_AT_MOST_BYTES: Final = 32 * 1024 * 1024

SAFE_IN_PATHS: Final = "/!$&'()*+,;=:@"
"""What a path may have unescaped beside letters, digits, `-._~` (RFC 3986, 3.3): WSGI shows it unescaped only."""

NO_ESCAPE: Final = re.compile("%(?![0-9A-Fa-f]{2})")
"""A percent sign that escapes nothing. Readers of queries take it for itself; urllib3 would escape all others too."""

HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that concern one connection alone (RFC 9110, 7.6.1)."""

OURS_TO_SAY: Final = HOP_BY_HOP | {"host", "content-length", "expect", "x-forwarded-for", "x-request-id"}
"""What the client's request says and the hop says anew."""

THEIRS_TO_SAY: Final = HOP_BY_HOP | {"date", "server"}
"""What the home's server says and this process's says anew."""


UNSAID: Final = {"User-Agent": "@@@SKIP_HEADER@@@", "Accept-Encoding": "@@@SKIP_HEADER@@@"}
"""What urllib3 says unless the client did (its SKIP_HEADER)."""


class RawRequest(msgspec.Struct, frozen=True):
    """A request as it goes on. target: path and query. once: whether it must not be sent a second time."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    once: bool

    @classmethod
    def of(cls, request: flask.Request, body: bytes, proxies: int, *, query: bytes | None = None) -> "RawRequest":
        """A client's request. query: in place of its own."""
        path = quote(request.path, safe=SAFE_IN_PATHS)
        text = NO_ESCAPE.sub("%25", (request.query_string if query is None else query).decode("latin-1"))
        dropped = OURS_TO_SAY | {name.strip().lower() for name in request.headers.get("Connection", "").split(",")}
        headers = {
            name: value
            for name, value in request.headers
            if name.lower() not in dropped and not name.lower().startswith(PREFIX)
        }
        headers["X-Forwarded-For"] = client_address(request, proxies)
        headers["X-Request-Id"] = trace_context().request_id
        repeatable = request.method in SAFE or IDEMPOTENCY_KEY in request.headers
        return cls(request.method, f"{path}?{text}" if text else path, headers, body, once=not repeatable)


class RawAnswer(msgspec.Struct, frozen=True):
    """A home's response, without what concerned the connection."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    def response(self) -> flask.Response:
        """The response to the client."""
        response = flask.Response(self.body, self.status)
        response.headers.clear()
        response.headers.extend(self.headers)
        return response


class Forwarder:
    """Hands requests of one row on to other cells."""

    def __init__(
        self,
        row: Row,
        settings: Settings,
        clock: Clock,
        cells: CellMap,
        credentials: HopCredentials,
        breaker: "Callable[[str, str], Breaker]",
    ) -> None:
        """breaker: of a kind of dependency and a cell."""
        self._row = row
        self._settings = settings
        self._clock = clock
        self._cells = cells
        self._credentials = credentials
        self._breaker = breaker

    @property
    def cells(self) -> list[str]:
        """All cells, this process's first."""
        return sorted(load().cells, key=lambda cell: cell != self._settings.cell)

    def home_of(self, request: flask.Request, path: Mapping[str, str]) -> str | None:
        """The other cell that answers a request; None if this process does. Raises Unauthenticated."""
        if takes_copies(self._row, request):
            return None
        if self._row.home == "path":
            cell = ids.cell_of(path[self._row.parameters[0]])
        elif self._row.home == "caller":
            token = bearer_token(request)
            cell = ids.cell_of(tokens.verify(self._settings, token, self._clock.now()).user_id)
        else:
            return None
        return cell if cell in load().cells and not self.serves(cell) else None

    def reaches(self, cell: str) -> bool:
        """Whether a cell is part of this deployment: functions of it have an address, even if none responds."""
        return bool(self._settings.cell_url) or any(
            name.partition("@")[0] == cell for name in self._settings.cell_addresses
        )

    def serves(self, cell: str) -> bool:
        """Whether this process serves a cell."""
        return cell == self._settings.cell and self._cells.of(cell).region == self._settings.region

    def send(self, request: RawRequest, cell: str) -> RawAnswer:
        """The answer of a cell. Raises CellUnreachable if nothing was done; OutcomeUnknown, Unavailable."""
        asked_at, served = self._cells.now(), self._cells.of(cell)
        answer = self._guarded(request, served, again=not request.once)
        if answer is None:
            self._cells.refresh(asked_at)
            newer = self._cells.of(cell)
            if newer != served and not request.once and not self.serves(cell):
                answer = self._guarded(request, newer, again=False)
        if answer is None:
            log.warning("the cell %s is not in %s under epoch %d", cell, served.region, served.epoch)
            raise CellUnreachable(cell)
        return answer

    def _guarded(self, request: RawRequest, served: ServedCell, *, again: bool) -> RawAnswer | None:
        """One hop, behind the cell's breaker; None if the receiver does not serve the cell.

        again: whether the request may be sent a second time.
        """
        from urllib3.exceptions import HTTPError, ProtocolError

        url = self.url_of(served)
        if url is None:
            raise CellUnreachable(served.cell)
        breaker = self._breaker("cell waits" if self._row.waits else "cell", f"{served.cell} in {served.region}")
        begun = time.monotonic()
        try:
            with breaker.guard((HTTPError, TimeoutError)):
                try:
                    return self._hop(request, served, url)
                except ProtocolError:
                    if not again or time.monotonic() - begun > CLOSED_WITHIN_SECONDS:
                        raise
                    return self._hop(request, served, url)
        except CallNotPermitted as error:
            raise CellUnreachable(served.cell, error.wait_seconds) from error
        except (HTTPError, TimeoutError) as error:
            log.warning("the cell %s does not answer: %s", served.cell, type(error).__name__)
            raise _failure(error, request, served.cell) from error

    def _hop(self, request: RawRequest, served: ServedCell, url: str) -> RawAnswer | None:
        from urllib3 import Timeout

        from shared.http_client.read_deadline import read

        seconds = time_for(POLICIES["cell"].timeout_seconds)
        until = time.monotonic() + seconds
        hop = headers_of(Hop(served.cell, served.epoch), self._credentials, seconds)
        found = self._pool.request(
            request.method,
            url + request.target,
            body=request.body or None,
            headers={**UNSAID, **request.headers, **trace_context().headers, **hop},
            timeout=Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds),
            preload_content=False,
            decode_content=False,
            redirect=False,
        )
        try:
            body = read(found, ANSWER_AT_MOST_BYTES, until)
        except BaseException:
            found.close()  # the rest of it must not be read as the next response
            raise
        if body is None:
            found.close()
            raise TimeoutError
        found.release_conn()
        if found.status == MISDIRECTED:
            _check_moved(body, served)
            return None
        kept = [(name, value) for name, value in found.headers.items() if name.lower() not in THEIRS_TO_SAY]
        return RawAnswer(found.status, kept, body)

    def url_of(self, served: ServedCell) -> str | None:
        """Where the row's function is reached where a cell is served; None if nothing says so."""
        if self._settings.cell_url:
            suffix = load().suffix_of(served.cell, served.region)
            name = self._row.name.replace("_", "-")
            return self._settings.cell_url.format(row=name, suffix=suffix, region=served.region)
        address = self._settings.cell_addresses.get(f"{served.cell}@{served.region}")
        if address is None and served.region == load().cells[served.cell]:
            address = self._settings.cell_addresses.get(served.cell)
        return f"http://{address}" if address else None

    @cached_property
    def _pool(self) -> "PoolManager":
        from shared.http_client.read_deadline import pool_manager

        return pool_manager(CONNECTIONS)


def takes_copies(row: Row, request: flask.Request) -> bool:
    """Whether a request is answered where it arrives, from what is there of other cells' data."""
    return row.copied is not None and request.args.getlist("consistency") == ["eventual"]


def forwards(row: Row, settings: Settings) -> bool:
    """Whether requests of a row may have to be handed on, or be handed here."""
    if row.home in (None, "any"):
        return False
    elsewhere = [name for name in settings.cell_addresses if name.partition("@")[0] != settings.cell or "@" in name]
    return bool(elsewhere) or (bool(settings.cell_url) and len(load().cells) > 1)


def _check_moved(body: bytes, served: ServedCell) -> None:
    """Tell MOVED from the refusal of a receiver that does not take this process for a service: CellUnreachable."""
    if msgspec.json.decode(body, type=ready(dict[str, Any])).get("code") != Moved.code:
        log.error("the functions of %s in %s refuse this service's credentials", served.cell, served.region)
        raise CellUnreachable(served.cell)


def _failure(error: Exception, request: RawRequest, cell: str) -> Unavailable:
    """What a failed hop is to the caller: whether anything may have been done."""
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

    if isinstance(error, ConnectTimeoutError | NewConnectionError) or request.method in SAFE:
        return CellUnreachable(cell)
    return OutcomeUnknown(f"The cell {cell} did not answer in time: it may have done this.", cell=cell)
