"""Functions hosts in this process: real HTTP between cells, over operations and a cell map of the test's choice."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPConnection
from types import SimpleNamespace
from typing import Any, Self

import flask
import httpx
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from shared.auth.tokens import issue
from shared.clock import SystemClock
from shared.config import Settings
from shared.contracts.operations import Caller, Page, PageRequest, Request, View, page
from shared.firestore.cells import CellMap, ServedCell
from shared.redis.pipeline import Command
from shared.redis.rate_limits import BucketDecision, Decisions, Limits, LocalBuckets
from shared.registry import Rate, Row, load
from shared.resilience.breakers import Breakers
from shared.resilience.deadline import time_left
from shared.runtime.binding import BoundOperation
from shared.runtime.forwarding.fan_out import FanOut
from shared.runtime.forwarding.forwarder import Forwarder
from shared.runtime.forwarding.hops import Arrivals, HopCredentials
from shared.runtime.forwarding.parts import Forwarding
from shared.runtime.http import HttpOperation
from shared.runtime.routes import Router
from shared.runtime.unmatched import Unmatched
from shared.telemetry.context import trace_context
from tests.serving import serve

Operations = Mapping[str, HttpOperation]


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: object, **__: object) -> None:
        """Nothing."""

    def connection_dropped(self, *_: object, **__: object) -> None:
        """Nothing: clients give up in some tests."""


@contextmanager
def served(application: Callable[..., Any]) -> Iterator[BaseWSGIServer]:
    """A WSGI application, served on a free port with connections that are kept."""
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=_Handler)
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = serve(server)
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Functions:
    """A functions host: each request goes to its row's function, as in emulators/stack/host.py."""

    def __init__(self, operations: Operations, settings: Settings) -> None:
        self._operations = operations
        self._router = Router(load().rows.get(name) or ROWS[name] for name in operations)
        self._unmatched = Unmatched(self._router, settings)
        self._flask = flask.Flask("host")
        self.requests: list[str] = []
        """Method and path of all that came."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        """Serve a request (PEP 3333)."""
        with self._flask.request_context(environ) as context:
            request = context.request
            self.requests.append(f"{request.method} {request.path}")
            row = self._router.match(request.method, request.path)
            function: Callable[[flask.Request], flask.Response] = self._operations[row.name] if row else self._unmatched
            return function(request)(environ, start_response)


@dataclass
class FakeMap:
    """Where cells are served, as one process finds it in the store."""

    served: dict[str, ServedCell] = field(default_factory=dict)
    reads: int = 0

    def read(self) -> Mapping[str, ServedCell]:
        self.reads += 1
        return dict(self.served)

    def move(self, cell: str, region: str, epoch: int) -> None:
        """Promote a cell."""
        self.served[cell] = ServedCell(cell, region, epoch)


class CountingBuckets(LocalBuckets):
    """Buckets that note what is counted in them."""

    def __init__(self, counted: list[str]) -> None:
        super().__init__()
        self._counted = counted
        self.full = False
        """Whether they refuse everything."""

    def take_all(self, counted: Sequence[tuple[str, Rate]], along: Sequence[Command]) -> Decisions:
        self._counted += [key for key, _ in counted]
        if self.full:
            return [BucketDecision(admitted=False, left=0, whole_in=2.0, wait=1.0) for _ in counted], []
        return super().take_all(counted, along)


class EverySession:
    """Every session is alive."""

    def alive(self, session_id: str, now: datetime) -> bool:
        return True


class Show(Request):
    """A thing by the id of an order; `seconds`: how long the operation takes; `text`: anything."""

    order_id: str = ""
    text: str = ""


class ShownView(View):
    """What an operation has seen."""

    cell: str
    user_id: str
    order_id: str
    text: str
    request_id: str
    client: str
    seconds_left: float


class Listed(View):
    """An item of a list."""

    id: str


class CheckedView(View):
    """What an audit found."""

    checked: list[str]
    violations: list[dict[str, str]]
    unchecked: list[str]


ANYBODY = "public, max-age=5"
ROWS = {
    row.name: row
    for row in (
        Row("order", "get_thing", http="GET /v1/things/{order_id}", scope="signed_in", home="path"),
        Row("order", "change_thing", http="POST /v1/things/{order_id}/change", scope="signed_in", home="path"),
        Row("order", "create_thing", http="POST /v1/things", scope="signed_in", home="caller"),
        Row("order", "list_mine", http="GET /v1/things", scope="signed_in", home="caller"),
        Row("order", "list_all", http="GET /v1/all", scope="signed_in", home="all", merged=["id"]),
        Row("order", "list_copies", http="GET /v1/copies", scope="signed_in", home="all", merged=["id"], copied="copy"),
        Row("order", "get_copy", http="GET /v1/copies/{order_id}", scope="signed_in", home="path", copied="copy"),
        Row("order", "get_shown", http="GET /v1/shown/{order_id}", scope="order:read", home="path", anonymous=ANYBODY),
        Row(
            "order",
            "list_shown",
            http="GET /v1/shown",
            scope="order:read",
            home="all",
            merged=["id"],
            anonymous=ANYBODY,
        ),
        Row("order", "check_all", http="GET /v1/checks", scope="signed_in", home="all"),
    )
}
for _row in ROWS.values():
    _row.transaction, _row.limit, _row.scale = "none", "read", "read"


@dataclass
class Cell:
    """A functions host of one cell, with operations that show what reaches them."""

    settings: Settings
    map: FakeMap = field(default_factory=FakeMap)
    effects: list[str] = field(default_factory=list)
    """The texts of all requests that were carried out."""

    counted: list[str] = field(default_factory=list)
    """What was counted against a limit."""

    items: list[str] = field(default_factory=list)
    """The ids that this cell lists."""

    unchecked: tuple[str, ...] = ()
    """What its audit could not check."""

    gate: Any = None
    """What answers wait at."""

    breakers: Breakers = field(default_factory=Breakers)
    buckets: CountingBuckets = field(init=False)

    def __post_init__(self) -> None:
        self.buckets = CountingBuckets(self.counted)

    def operations(self, rows: Sequence[Row] = tuple(ROWS.values())) -> dict[str, HttpOperation]:
        """The function of each row."""
        cells = CellMap(self.map, load().cells)
        credentials = HopCredentials(self.settings)

        def function(row: Row) -> HttpOperation:
            functions: dict[str, Callable[..., Any]] = {"list_all": self._list, "check_all": self._check}
            functions["list_copies"] = functions["list_shown"] = self._list
            work = SimpleNamespace(settings=self.settings)
            shown = functions.get(row.name, self._show)
            bound = BoundOperation(row, shown, _none, lambda *_: work, gate=lambda: self.gate)  # type: ignore[arg-type]
            forwarder = Forwarder(row, self.settings, SystemClock(), cells, credentials, self.breakers.of)
            arrivals = Arrivals(self.settings, cells, credentials)
            forwarding = Forwarding(arrivals, forwarder, FanOut(row, forwarder, self.settings.proxies), cells)
            limits = Limits(self.buckets, LocalBuckets(), load().limits)
            sessions: Any = EverySession()
            cache: Any = None
            return HttpOperation(bound, self.settings, SystemClock(), sessions, limits, cache, forwarding)

        return {row.name: function(row) for row in rows}

    def _show(self, request: Show, caller: Caller | None) -> ShownView:
        self.effects.append(request.text)
        trace = trace_context()
        return ShownView(
            cell=self.settings.cell,
            user_id=caller.user_id if caller else "",
            order_id=request.order_id,
            text=request.text,
            request_id=trace.request_id,
            client=trace.client,
            seconds_left=time_left(1000.0),
        )

    def _list(self, request: PageRequest) -> Page[Listed]:
        after = request.after("ord")
        found = sorted((each for each in self.items if after is None or each < after), reverse=True)
        return page([Listed(each) for each in found[: request.limit + 1]], request.limit, "id")

    def _check(self, request: Request) -> CheckedView:
        return CheckedView(["a", self.settings.cell], [{"subject": self.settings.cell}], list(self.unchecked))


def _none(*_: Any) -> None:
    """No database and no work."""


@dataclass
class Client:
    """A user at one door."""

    url: str
    token: str
    http: httpx.Client

    @classmethod
    def at(cls, port: int, settings: Settings, user_id: str, scopes: Sequence[str] = ("order:read",)) -> Self:
        """A signed-in user, who sends requests to a port."""
        token = issue(settings, user_id, "ses_us_1", scopes, SystemClock().now())
        return cls(f"http://127.0.0.1:{port}", token, httpx.Client(timeout=30))

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request with the user's token."""
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        return self.http.request(method, self.url + path, headers=headers, **more)

    def ask_raw(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Send a request whose target no library touches. Returns status and body."""
        with closing(HTTPConnection(self.url.removeprefix("http://"), timeout=30)) as connection:
            connection.request(method, target, body, {"Authorization": f"Bearer {self.token}", **headers})
            answer = connection.getresponse()
            return answer.status, answer.read()
