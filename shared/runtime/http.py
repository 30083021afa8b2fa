"""Serves an HTTP request: the checks of middleware.py, then the operation under its idempotency key.

A known key's stored response is replayed (409 while it is in flight, 422 for another request); then the request is
counted against its row's rate limits (429); then the operation runs, in the kind of transaction its row names.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Self

import flask

from shared import ids
from shared.clock import Clock
from shared.config import Settings
from shared.contracts import problems
from shared.contracts.encode import to_json
from shared.contracts.operations import File, Repeated, Resource
from shared.errors import (
    KeyInUse,
    NotFound,
    Refusal,
)
from shared.idempotency import Answer, Key, SagaLease
from shared.postgres.database import retried
from shared.registry import Row, load
from shared.resilience.deadline import within
from shared.runtime import tags
from shared.runtime.binding import BoundOperation
from shared.runtime.forwarding.hops import CELL, seconds_of
from shared.runtime.middleware import Exchange, Middleware
from shared.runtime.mistakes import misnamed
from shared.runtime.responses.headers import CONSISTENCY, POLICY_HEADER, deprecation, page_policy
from shared.runtime.responses.respond import respond
from shared.telemetry.context import trace_context

if TYPE_CHECKING:
    from shared.auth.sessions import SessionChecker
    from shared.redis.cache import Cache
    from shared.redis.rate_limits import Limits, Meter
    from shared.resources import Resources
    from shared.runtime.forwarding.parts import Forwarding

RATE_LIMITS: Final = ("RateLimit-Policy", "RateLimit")
"""The headers whose values are lists of limits, which count where each is kept."""


class HttpOperation:
    """An operation as a function of the functions framework: request in, response out."""

    def __init__(
        self,
        bound: BoundOperation,
        settings: Settings,
        clock: Clock,
        sessions: "SessionChecker",
        limits: "Limits",
        cache: "Cache",
        forwarding: "Forwarding | None" = None,
    ) -> None:
        """
        sessions: used by rows with `session: checked`.
        limits: counts requests by the row's profile.
        cache: used by rows with `cached`.
        forwarding: where another cell may have to answer; without it nothing is handed on.
        """
        self._bound = bound
        self._row: Row = bound.row
        self._settings = settings
        self._clock = clock
        self._limits = limits
        self._cache = cache
        self._forwarding = forwarding
        self._middleware = Middleware(bound, settings, clock, sessions, forwarding)
        self._deprecation = deprecation(bound.row)
        self._seconds = load().seconds_of(bound.row)
        # A commit whose wait for its standby was cut off is seen by later reads. What is public is nobody's own.
        self._shown = settings.standbys == "synchronous" and bound.row.scope != "public"

    @classmethod
    def of(cls, bound: BoundOperation, resources: "Resources") -> Self:
        """The function of a bound operation, with a process's resources."""
        from shared.runtime.forwarding.parts import forwarding

        shared = resources.sessions(), resources.limits(), resources.cache(), forwarding(bound.row, resources)
        return cls(bound, resources.settings, resources.clock, *shared)

    def __call__(self, request: flask.Request) -> flask.Response:
        """Answer one request; failures become problem documents, every response has the rate-limit headers."""
        meter = self._limits.meter(self._row.limit)
        with within(seconds_of(request, self._seconds)):
            response = respond(
                request,
                self._settings,
                lambda received: self._serve(received, meter),
                self._row.name,
                begins_trace=bool(self._row.limit),  # health checks have none
                from_service=self._forwarding is not None and CELL in request.headers,  # which the edge removes
            )
        _add_headers(response, meter.headers | self._deprecation)
        return response

    def _serve(self, request: flask.Request, meter: "Meter") -> flask.Response:
        fan_out = self._forwarding.fan_out if self._forwarding else None
        if fan_out is not None and fan_out.concerns(request):
            return fan_out.serve(request, lambda part: self._serve_here(part, meter))
        return self._serve_here(request, meter)

    def _serve_here(self, request: flask.Request, meter: "Meter") -> flask.Response:
        exchange = self._middleware.check(request, meter)
        if exchange.answer is not None:
            return exchange.answer
        self._bound.admit()
        try:
            response = self._answered(exchange)
        except NotFound as error:
            raise NotFound(misnamed(exchange.arguments["request"]) or error.detail) from error
        self._bound.let_out(shown=self._shown and not exchange.eventual)
        return response

    def _answered(self, exchange: Exchange) -> flask.Response:
        if exchange.key is None:
            return self._plain(exchange)
        if self._row.transaction == "saga":
            return self._saga(exchange.key, exchange)
        key = exchange.key
        return retried(lambda: self._once(key, exchange))

    def _plain(self, exchange: Exchange) -> flask.Response:
        """An operation without a key; a read answers 304 if If-None-Match names the current ETag."""
        reads = self._bound.tagged and self._row.method == "GET"
        known = tags.known(exchange.request.headers.get("If-None-Match")) if reads else None
        age = None
        with self._counted(exchange.arguments["request"], exchange.meter):
            if exchange.eventual:
                result, age = self._bound.run_eventually(**exchange.arguments)
            else:
                result = self._bound.run(**exchange.arguments)
        answer = self._answer(result, self._epoch(exchange))
        if known is not None and known.has(answer.tag):
            answer = Answer(304, "", answer.tag)
        response = self._response(answer)
        if self._row.anonymous and exchange.caller is None:
            response.headers["Cache-Control"] = self._row.anonymous
        if exchange.eventual is not None:
            response.headers[CONSISTENCY] = "strong" if age is None else f"eventual; lag={age:.3f}"
        return response

    @contextmanager
    def _counted(self, decoded: Any, meter: "Meter") -> Iterator[None]:
        """Count a request, and look its resource up in the cache in the same round trip. Raises Limited."""
        name = getattr(decoded, self._row.parameters[0]) if self._row.cached else ""
        if not ids.known(name):
            meter.check()
            yield
            return
        with self._cache.preloaded(name, meter.check([self._cache.lookup_command(name)])):
            yield

    def _once(self, key: Key, exchange: Exchange) -> flask.Response:
        """An ordinary operation under a key: the effect, or a refusal, commits together with the stored response."""
        with self._bound.database().transaction() as transaction:
            key.claim(transaction)
            known = key.find(transaction, self._clock.now())
            if isinstance(known, Answer):
                return self._response(known, replayed=True)
            exchange.meter.check()
            try:
                with transaction.savepoint():
                    answer = self._answer(self._bound.call(transaction, key, **exchange.arguments), self._bound.epoch())
            except Refusal as refusal:
                answer = Answer(
                    409, problems.body_of(refusal, trace_context().request_id, self._settings.public_url).decode()
                )
            key.keep(transaction, answer, self._clock.now())
        return self._response(answer)

    def _saga(self, key: Key, exchange: Exchange) -> flask.Response:
        """A saga under a key: it commits the key with its first step, and the response with the outcome."""
        known = self._known(key)
        if isinstance(known, Answer):
            return self._response(known, replayed=True)
        exchange.meter.check()
        try:
            result = self._bound.call(None, replace(key, found=known), **exchange.arguments)
            return self._response(self._answer(result, self._bound.epoch()))
        except KeyInUse:
            known = self._known(key)  # another request or the sweeper held the lease, and may be done by now
            if isinstance(known, Answer):
                return self._response(known, replayed=True)
            raise

    def _known(self, key: Key) -> Answer | SagaLease | None:
        return self._bound.database().read(lambda transaction: key.find(transaction, self._clock.now()))

    def _epoch(self, exchange: Exchange) -> int:
        """The epoch of the cell whose data is read: of another one, if it is answered from copies."""
        if exchange.eventual and self._forwarding and self._row.copied and self._row.parameters:
            cell = ids.cell_of(getattr(exchange.arguments["request"], self._row.parameters[0]))
            if cell in load().cells and cell != self._settings.cell:
                return self._forwarding.cells.of(cell).epoch
        # What is public is no cell's, and is there while a cell is not.
        return self._bound.epoch() if self._bound.tagged and self._row.scope != "public" else 1

    def _answer(self, result: Any, epoch: int) -> Answer:
        if isinstance(result, Answer):
            return result  # as it is stored, to be replayed
        if isinstance(result, bytes):
            return Answer(self._row.success, result.decode())
        if isinstance(result, File):
            return Answer(self._row.success, result.text, result.tag(), result.media)
        view, status = (result.view, 200) if isinstance(result, Repeated) else (result, self._row.success)
        tag = tags.under(view.tag(), epoch) if isinstance(view, Resource) else None
        return Answer(status, "" if status == 204 else to_json(view).decode(), tag)

    def _response(self, answer: Answer, *, replayed: bool = False) -> flask.Response:
        kind = "application/problem+json" if answer.status >= 400 else answer.media or self._row.media
        response = flask.Response(answer.body, status=answer.status, content_type=kind)
        if answer.status in (204, 304):
            del response.headers["Content-Type"]
        if answer.tag is not None:
            response.headers["ETag"] = f'"{answer.tag}"'
        if answer.media:
            response.headers[POLICY_HEADER] = page_policy(local=self._settings.local)
        response.headers["Cache-Control"] = self._row.cache if answer.status < 400 else "no-store"
        if replayed:
            response.headers["Idempotent-Replayed"] = "true"
        return response


def _add_headers(response: flask.Response, headers: dict[str, str]) -> None:
    """Add the headers of this process; those of another cell's response stay, and its limits are listed behind ours."""
    for name, value in headers.items():
        theirs = response.headers.get(name)
        if theirs is None:
            response.headers[name] = value
        elif name in RATE_LIMITS:
            response.headers[name] = f"{value}, {theirs}"
