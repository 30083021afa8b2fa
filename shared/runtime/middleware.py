"""The checks that an HTTP request passes before its operation runs: named steps, in the order that the API promises.

The edge and the router have already matched path and method; both are checked again, so that nothing runs if a URL map
is wrong. The checks that need the database follow in http.py: the stored answer of an idempotency key (409, 422),
the count against limits (429), and what the operation itself refuses (404, 409, 412).
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import flask
import msgspec

from shared.clock import Clock
from shared.config import Settings
from shared.contracts.operations import Caller, Request
from shared.errors import Forbidden, Malformed, NotJson, RouteNotFound, SessionEnded, TooLarge
from shared.idempotency import Key, fingerprint
from shared.runtime import tags, tokens
from shared.runtime.binding import BoundOperation
from shared.runtime.decode import BODY_AT_MOST_BYTES, json_object, to_request
from shared.runtime.forwarding.forwarder import RawRequest
from shared.runtime.forwarding.hops import Hop
from shared.runtime.peer import client_address
from shared.runtime.request_headers import bearer_token, idempotency_key, refuse_repeated, single_headers
from shared.runtime.routes import answers_to, check_method, pattern
from shared.telemetry.context import bind_user

if TYPE_CHECKING:
    from shared.auth.sessions import SessionChecker
    from shared.redis.rate_limits import Meter
    from shared.runtime.forwarding.parts import Forwarding

CONSISTENCIES: Final = ("strong", "eventual")
WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


class Exchange(msgspec.Struct):
    """A request on its way through the steps, and what they have extracted so far.

    hop: what another region's function says of a request that it has handed on; None for a client's request.
    answer: that of another cell, which has run the whole pipeline.
    raw_body: the body as it was sent, once it was read.
    arguments: what the operation is called with.
    eventual: whether the caller accepts a stale read; None if they did not say.
    """

    request: flask.Request
    meter: "Meter"
    hop: Hop | None = None
    answer: flask.Response | None = None
    path: dict[str, str] = msgspec.field(default_factory=dict)
    query: list[tuple[str, str]] = msgspec.field(default_factory=list)
    eventual: bool | None = None
    caller: Caller | None = None
    raw_body: bytes | None = None
    body: dict[str, Any] | None = None
    key: Key | None = None
    arguments: dict[str, Any] = msgspec.field(default_factory=dict)


class Middleware:
    """The checks of one row."""

    def __init__(
        self,
        bound: BoundOperation,
        settings: Settings,
        clock: Clock,
        sessions: "SessionChecker",
        forwarding: "Forwarding | None" = None,
    ) -> None:
        """
        sessions: used by rows with `session: checked`.
        forwarding: where another cell may have to answer.
        """
        self._row = bound.row
        self._epoch = bound.epoch
        self._settings = settings
        self._clock = clock
        self._sessions = sessions
        self._request_type = bound.request_type or Request
        self._pattern = pattern(bound.row)
        self._methods = answers_to(bound.row.method)
        self._single = single_headers(bound.row)
        self.steps: tuple[Callable[[Exchange], None], ...] = (
            *((partial(self.recognise_hop, forwarding),) if forwarding else ()),  # 421
            self.count_network_address,
            self.match_path,  # 404
            self.match_method,  # 405
            self.refuse_repeated_headers,  # 400
            *((partial(self.forward, forwarding),) if forwarding else ()),  # 401, 429, 503
            self.authenticate,  # 401
            self.authorise,  # 403
            self.read_body,  # 413, 415, 400
            self.read_consistency,  # 400
            self.decode,  # 400
            self.read_if_match,  # 428, 400
            self.read_idempotency_key,  # 400
        )

    def check(self, request: flask.Request, meter: "Meter") -> Exchange:
        """Run all steps on a request, up to where another cell has answered it. Raises the first refusal."""
        exchange = Exchange(request, meter)
        for step in self.steps:
            step(exchange)
            if exchange.answer is not None:
                break
        return exchange

    def recognise_hop(self, forwarding: "Forwarding", exchange: Exchange) -> None:
        """Tell a request that another region has handed on from a client's."""
        exchange.hop = forwarding.arrivals.hop_of(exchange.request)

    def count_network_address(self, exchange: Exchange) -> None:
        """Every request counts against its network address; only valid ones count against user and Ethereum address.

        A hop was counted where it arrived first.
        """
        if exchange.hop is not None:
            return
        exchange.meter.count("ip", client_address(exchange.request, self._settings.proxies))

    def match_path(self, exchange: Exchange) -> None:
        matched = self._pattern.fullmatch(exchange.request.path)
        if matched is None:
            raise RouteNotFound
        exchange.path = matched.groupdict()

    def match_method(self, exchange: Exchange) -> None:
        check_method(exchange.request.method, self._methods)

    def refuse_repeated_headers(self, exchange: Exchange) -> None:
        refuse_repeated(exchange.request.headers, self._single)

    def forward(self, forwarding: "Forwarding", exchange: Exchange) -> None:
        """Hand on what another cell answers: it checks everything else. What was handed on already goes no further."""
        request = exchange.request
        home = None if exchange.hop else forwarding.forwarder.home_of(request, exchange.path)
        if home is None or self._too_large(exchange):  # which is refused here, in its turn
            return
        exchange.meter.check()
        raw = RawRequest.of(request, self._raw_body(exchange), self._settings.proxies)
        exchange.answer = forwarding.forwarder.send(raw, home).response()

    def authenticate(self, exchange: Exchange) -> None:
        if self._row.scope == "public":
            return
        if self._row.anonymous and "Authorization" not in exchange.request.headers:
            return
        token, now = bearer_token(exchange.request), self._clock.now()
        caller = tokens.verify(self._settings, token, now)
        if self._row.session == "checked" and not self._sessions.alive(caller.session_id, now):
            raise SessionEnded
        exchange.caller = caller
        bind_user(caller.user_id)

    def authorise(self, exchange: Exchange) -> None:
        if exchange.caller is None:
            return
        if self._row.scope != "signed_in" and self._row.scope not in exchange.caller.scopes:
            raise Forbidden(f"This needs the scope {self._row.scope}.", scope=self._row.scope or "")
        exchange.meter.expect("user", exchange.caller.user_id)

    def read_body(self, exchange: Exchange) -> None:
        """Decode the body of a method that has one; it may be absent if the operation takes no fields."""
        request = exchange.request
        if self._row.method not in WITH_BODY:
            return
        if self._too_large(exchange):
            raise TooLarge
        body = self._raw_body(exchange)
        if not body and not request.content_type and not self._takes_body():
            exchange.body = {}
            return
        charset = request.mimetype_params.get("charset", "utf-8").lower()
        coding = request.headers.get("Content-Encoding", "identity").lower()
        if request.mimetype != "application/json" or charset not in ("utf-8", "utf8") or coding != "identity":
            raise NotJson
        exchange.body = json_object(body)

    def _too_large(self, exchange: Exchange) -> bool:
        announced = exchange.request.content_length or 0
        return self._row.method in WITH_BODY and max(announced, len(self._raw_body(exchange))) > BODY_AT_MOST_BYTES

    def _raw_body(self, exchange: Exchange) -> bytes:
        """The body of a method that has one, up to the first byte too many."""
        if exchange.raw_body is None:
            reads = self._row.method in WITH_BODY
            exchange.raw_body = exchange.request.stream.read(BODY_AT_MOST_BYTES + 1) if reads else b""
        return exchange.raw_body

    def _takes_body(self) -> bool:
        fields = set(getattr(self._request_type, "__struct_fields__", ()))
        return bool(fields - set(self._row.parameters))

    def read_consistency(self, exchange: Exchange) -> None:
        """Remove `consistency` from the query of a row that supports it."""
        query = list(exchange.request.args.items(multi=True))
        values = [value for name, value in query if name == "consistency"] if self._row.eventual else []
        if not values:
            exchange.query = query
            return
        if len(values) > 1 or values[0] not in CONSISTENCIES:
            raise Malformed(f"must be one of {', '.join(CONSISTENCIES)}", field="consistency")
        exchange.query = [pair for pair in query if pair[0] != "consistency"]
        exchange.eventual = values[0] == "eventual"

    def decode(self, exchange: Exchange) -> None:
        request = to_request(self._request_type, exchange.path, exchange.query, exchange.body)
        exchange.arguments = {"caller": exchange.caller, "request": request}
        if address := getattr(request, "address", None):
            exchange.meter.expect("address", str(address).lower())

    def read_if_match(self, exchange: Exchange) -> None:
        if self._row.if_match:
            given = tags.match(exchange.request.headers.get("If-Match"))
            exchange.arguments["match"] = tags.of_epoch(given, self._epoch())

    def read_idempotency_key(self, exchange: Exchange) -> None:
        """The idempotency key and the fingerprint it is bound to, if the row requires one."""
        if self._row.idempotency is None:
            return
        request, caller = exchange.request, exchange.caller
        exchange.key = Key(
            caller=caller.user_id if caller else "",
            operation=self._row.name,
            value=idempotency_key(request),
            fingerprint=fingerprint(self._row.method, request.path, exchange.query, exchange.body),
        )
