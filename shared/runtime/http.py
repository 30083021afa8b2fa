"""Answers an HTTP request with an operation, in the contract's order of checks.

token 401, scope 403, size 413, type 415, body and parameters 400, If-Match 428/400, idempotency key 400/409/422, limit
429, existence 404, state 409/412. Route 404 and method 405 come before, from whoever chose this operation (routes.py,
unmatched.py), and are looked at again here, so that nothing runs for a wrong URL map.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import flask

from shared import ids
from shared.adapters.clock import Clock
from shared.adapters.postgres import retried
from shared.config import Settings
from shared.contracts import problems
from shared.contracts.encode import to_json
from shared.contracts.operations import Caller, Repeated, Request, Resource
from shared.errors import (
    Forbidden,
    KeyInUse,
    Malformed,
    MeridianError,
    NotFound,
    NotJson,
    Refusal,
    SessionEnded,
    TooLarge,
)
from shared.idempotency import Answer, Key, fingerprint
from shared.registry import Row, load
from shared.resilience.deadline import within
from shared.runtime import tags, tokens
from shared.runtime.binding import Bound
from shared.runtime.decode import BODY_AT_MOST_BYTES, json_object, to_request
from shared.runtime.headers import CONSISTENCY, common, deprecation
from shared.runtime.peer import client_address
from shared.runtime.request_headers import HOST, bearer_token, idempotency_key, refuse_repeated, single_headers
from shared.runtime.routes import answers_to, check_method, pattern
from shared.telemetry.context import follow, trail
from shared.telemetry.metrics import observe

if TYPE_CHECKING:
    from shared.adapters.cache import Cache
    from shared.adapters.limits import Limits, Meter
    from shared.adapters.sessions import Liveness

log = logging.getLogger(__name__)

CONSISTENCIES: Final = ("strong", "eventual")
WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


class HttpOperation:
    """An operation as a function of the functions framework: request in, response out."""

    def __init__(
        self, bound: Bound, settings: Settings, clock: Clock, sessions: "Liveness", limits: "Limits", cache: "Cache"
    ) -> None:
        """
        sessions: is asked by rows that want sessions checked.
        limits: counts requests by the row's profile.
        cache: has what rows with `cached` show.
        """
        self._bound = bound
        self._row: Row = bound.row
        self._settings = settings
        self._clock = clock
        self._sessions = sessions
        self._limits = limits
        self._cache = cache
        self._pattern = pattern(bound.row)
        self._methods = answers_to(bound.row.method)
        self._single = single_headers(bound.row)
        self._deprecation = deprecation(bound.row)
        self._seconds = load().seconds_of(bound.row)

    def __call__(self, request: flask.Request) -> flask.Response:
        """Answer one request; every failure becomes a problem document, and every answer tells what is left."""
        meter = self._limits.meter(self._row.limit)
        with within(self._seconds):
            response = answered(request, self._settings, lambda asked: self._serve(asked, meter), self._row.name)
        response.headers.extend(meter.headers | self._deprecation)
        return response

    def _serve(self, request: flask.Request, meter: "Meter") -> flask.Response:
        """Against its network address every request counts, against its user or Ethereum address the good ones."""
        meter.count("ip", client_address(request, self._settings.proxies))
        matched = self._pattern.fullmatch(request.path)
        if matched is None:
            raise NotFound("There is nothing at this path.", code="ROUTE_NOT_FOUND")
        check_method(request.method, self._methods)
        refuse_repeated(request.headers, self._single)
        caller = self._authenticate(request)
        if caller:
            meter.expect("user", caller.user_id)
        body = self._read(request)
        query, eventual = self._consistency(list(request.args.items(multi=True)))
        wanted = self._bound.request_type or Request
        given: dict[str, Any] = {"caller": caller, "request": to_request(wanted, matched.groupdict(), query, body)}
        if address := getattr(given["request"], "address", None):
            meter.expect("address", str(address).lower())
        if self._row.if_match:
            given["match"] = tags.match(request.headers.get("If-Match"))
        if self._row.idempotency is None:
            return self._plain(request, given, meter, eventual=eventual)
        key = self._key(request, caller, query, body)
        if self._row.transaction == "saga":
            return self._saga(key, given, meter)
        return retried(lambda: self._once(key, given, meter))

    def _authenticate(self, request: flask.Request) -> Caller | None:
        if self._row.scope == "public":
            return None
        token, now = bearer_token(request), self._clock.now()
        caller = tokens.verify(self._settings, token, now)
        if self._row.session == "checked" and not self._sessions.alive(caller.session_id, now):
            raise SessionEnded
        if self._row.scope != "signed_in" and self._row.scope not in caller.scopes:
            raise Forbidden(f"This needs the scope {self._row.scope}.")
        return caller

    def _read(self, request: flask.Request) -> dict[str, Any] | None:
        """The decoded body of a method that has one; a POST that asks for nothing may come without."""
        if self._row.method not in WITH_BODY:
            return None
        if (request.content_length or 0) > BODY_AT_MOST_BYTES:
            raise TooLarge
        body = request.stream.read(BODY_AT_MOST_BYTES + 1)
        if len(body) > BODY_AT_MOST_BYTES:
            raise TooLarge
        if not body and not request.content_type and not self._asks_for_body():
            return {}
        charset = request.mimetype_params.get("charset", "utf-8").lower()
        coding = request.headers.get("Content-Encoding", "identity").lower()
        if request.mimetype != "application/json" or charset not in ("utf-8", "utf8") or coding != "identity":
            raise NotJson
        return json_object(body)

    def _asks_for_body(self) -> bool:
        fields = set(getattr(self._bound.request_type, "__struct_fields__", ()))
        return bool(fields - set(self._row.parameters))

    def _key(
        self, request: flask.Request, caller: Caller | None, query: list[tuple[str, str]], body: dict[str, Any] | None
    ) -> Key:
        return Key(
            caller=caller.user_id if caller else "",
            operation=self._row.name,
            value=idempotency_key(request),
            fingerprint=fingerprint(self._row.method, request.path, query, body),
        )

    def _consistency(self, query: list[tuple[str, str]]) -> tuple[list[tuple[str, str]], bool | None]:
        """A query without its `consistency`, and whether that is eventual; None where nothing is said of it."""
        asked = [value for name, value in query if name == "consistency"] if self._row.eventual else []
        if not asked:
            return query, None
        if len(asked) > 1 or asked[0] not in CONSISTENCIES:
            raise Malformed(f"one of {', '.join(CONSISTENCIES)}", field="consistency")
        return [pair for pair in query if pair[0] != "consistency"], asked[0] == "eventual"

    def _plain(
        self, request: flask.Request, given: dict[str, Any], meter: "Meter", *, eventual: bool | None
    ) -> flask.Response:
        """An operation without a key; a read answers 304 to who knows what it would answer."""
        reads = self._bound.tagged and self._row.method == "GET"
        known = tags.known(request.headers.get("If-None-Match")) if reads else None
        age = None
        with self._counted(given["request"], meter):
            if eventual:
                result, age = self._bound.run_eventually(**given)
            else:
                result = self._bound.run(**given)
        answer = self._answer(result)
        if known is not None and known.has(answer.tag):
            answer = Answer(304, "", answer.tag)
        response = self._response(answer)
        if eventual is not None:
            response.headers[CONSISTENCY] = "strong" if age is None else f"eventual; lag={age:.3f}"
        return response

    @contextmanager
    def _counted(self, wanted: Any, meter: "Meter") -> Iterator[None]:
        """Count a request. One thing that may be cached is looked up in the same round trip. Raises Limited."""
        name = getattr(wanted, self._row.parameters[0]) if self._row.cached else ""
        if not ids.known(name):
            meter.check()
            yield
            return
        with self._cache.brought(name, meter.check([self._cache.look_up(name)])):
            yield

    def _once(self, key: Key, given: dict[str, Any], meter: "Meter") -> flask.Response:
        """An ordinary operation under a key: the effect, or a refusal, commits together with its answer."""
        with self._bound.database().transaction() as transaction:
            key.claim(transaction)
            known = key.find(transaction, self._clock.now())
            if isinstance(known, Answer):
                return self._response(known, replayed=True)
            meter.check()
            try:
                with transaction.savepoint():
                    answer = self._answer(self._bound.call(transaction, key, **given))
            except Refusal as refusal:
                answer = Answer(409, problems.body_of(refusal, trail().request_id).decode())
            key.keep(transaction, answer, self._clock.now())
        return self._response(answer)

    def _saga(self, key: Key, given: dict[str, Any], meter: "Meter") -> flask.Response:
        """A saga under a key: it commits the key with what it begins, and the answer with the outcome."""
        if answer := self._known(key):
            return self._response(answer, replayed=True)
        meter.check()
        try:
            return self._response(self._answer(self._bound.call(None, key, **given)))
        except KeyInUse:
            if answer := self._known(key):  # whoever was first, another request or the sweeper, is done by now
                return self._response(answer, replayed=True)
            raise

    def _known(self, key: Key) -> Answer | None:
        with self._bound.database().transaction() as transaction:
            known = key.find(transaction, self._clock.now())
        return known if isinstance(known, Answer) else None

    def _answer(self, result: Any) -> Answer:
        if isinstance(result, Answer):
            return result
        if isinstance(result, bytes):
            return Answer(self._row.success, result.decode())
        view, status = (result.view, 200) if isinstance(result, Repeated) else (result, self._row.success)
        tag = view.tag() if isinstance(view, Resource) else None
        return Answer(status, "" if status == 204 else to_json(view).decode(), tag)

    def _response(self, answer: Answer, *, replayed: bool = False) -> flask.Response:
        kind = "application/problem+json" if answer.status >= 400 else self._row.media
        response = flask.Response(answer.body, status=answer.status, content_type=kind)
        if answer.status in (204, 304):
            del response.headers["Content-Type"]
        if answer.tag is not None:
            response.headers["ETag"] = f'"{answer.tag}"'
        response.headers["Cache-Control"] = self._row.cache if answer.status < 400 else "no-store"
        if replayed:
            response.headers["Idempotent-Replayed"] = "true"
        return response


def answered(
    request: flask.Request, settings: Settings, serve: Callable[[flask.Request], flask.Response], operation: str
) -> flask.Response:
    """Serve a request inside its trail, with every failure as a problem document and the headers that all share.

    operation: under which name the answer is counted.
    """
    client = client_address(request, settings.proxies)
    follow(request.headers.get("X-Request-Id"), request.headers.get("traceparent"), client)
    began = time.monotonic()
    try:
        refuse_repeated(request.headers, HOST)
        response = serve(request)
    except MeridianError as error:
        response = flask.Response(problems.body_of(error, _id()), problems.status_of(error), problems.headers_of(error))
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        fault = MeridianError("Something went wrong on our side.")
        response = flask.Response(problems.body_of(fault, _id()), 500, problems.headers_of(fault))
    response.headers.extend({**common(settings.region, settings.public_url), "X-Request-Id": _id()})
    seconds = time.monotonic() - began
    observe(operation, str(response.status_code), seconds)
    _record(request, response, client, seconds)
    return response


def _record(request: flask.Request, response: flask.Response, client: str, seconds: float) -> None:
    """The access log, in the fields of Cloud Logging's HttpRequest. The query stays out of it: it may hold a secret."""
    fields = {
        "requestMethod": request.method,
        "requestUrl": request.path,
        "status": response.status_code,
        "responseSize": str(response.content_length or 0),
        "userAgent": request.headers.get("User-Agent", ""),
        "remoteIp": client,
        "latency": f"{seconds:.6f}s",
    }
    log.info("%s %s %d", request.method, request.path, response.status_code, extra={"http_request": fields})


def _id() -> str:
    return trail().request_id
