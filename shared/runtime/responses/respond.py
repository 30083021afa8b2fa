"""Responds to a request: failures become problem documents; every response is traced, counted and logged."""

import logging
import time
from collections.abc import Callable

import flask

from shared.config import Settings
from shared.contracts import problems
from shared.errors import MeridianError
from shared.runtime.peer import client_address
from shared.runtime.request_headers import HOST, refuse_repeated
from shared.runtime.responses.headers import common
from shared.telemetry.context import bind, trace_context
from shared.telemetry.logs import blotted
from shared.telemetry.metrics import observe
from shared.telemetry.spans import EDGE_BEGAN, Span, begin_trace, behind_edge

log = logging.getLogger(__name__)


def respond(
    request: flask.Request,
    settings: Settings,
    serve: Callable[[flask.Request], flask.Response],
    operation: str,
    kind: str = "http",
    *,
    begins_trace: bool = False,
    from_service: bool = False,
) -> flask.Response:
    """Serve a request in its trace context: failures become problem documents, every response has the common headers.

    operation: the name under which the response is counted. kind: what called it: http, event or schedule.
    begins_trace: whether it may begin a trace.
    from_service: whether one of ours sent it, which has decided whether it is traced. On the local stack everybody may.
    """
    client = client_address(request, settings.proxies)
    bind(request.headers.get("X-Request-Id"), request.headers.get("traceparent"), client)
    if kind != "http":  # events are traced by their own traceparent, schedules belong to no request
        return _responded(request, settings, serve, operation, kind)
    begin_trace(foreign=not (from_service or settings.local), wanted=begins_trace)
    with behind_edge(request.headers.get(EDGE_BEGAN)), Span(operation, "server") as span:
        span.note("http.request.method", request.method)
        response = _responded(request, settings, serve, operation, kind)
        span.note("http.response.status_code", response.status_code)
        span.note("meridian.cell", settings.cell)
        span.note("meridian.request_id", _id())
        span.failed = response.status_code >= 500
    if span.failed:
        span.record_alone()
    return response


def _responded(
    request: flask.Request,
    settings: Settings,
    serve: Callable[[flask.Request], flask.Response],
    operation: str,
    kind: str,
) -> flask.Response:
    """The response, counted and logged."""
    began = time.monotonic()
    try:
        refuse_repeated(request.headers, HOST)
        response = serve(request)
    except MeridianError as error:
        body = problems.body_of(error, _id(), settings.public_url)
        response = flask.Response(body, problems.status_of(error), problems.headers_of(error))
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        fault = MeridianError("Something went wrong on our side.")
        response = flask.Response(problems.body_of(fault, _id(), settings.public_url), 500, problems.headers_of(fault))
    for name, value in {**common(settings.region, settings.public_url), "X-Request-Id": _id()}.items():
        response.headers.setdefault(name, value)  # another cell's response has its own
    seconds = time.monotonic() - began
    observe(kind, operation, str(response.status_code), seconds)
    _record(request, response, seconds)
    return response


def _record(request: flask.Request, response: flask.Response, seconds: float) -> None:
    """Write the access log in the fields of Cloud Logging's HttpRequest.

    Without the query, which may hold a secret, and without what identifies a person: the load balancer's log has it.
    """
    fields = {
        "requestMethod": request.method,
        "requestUrl": blotted(request.path),
        "status": response.status_code,
        "responseSize": str(response.content_length or 0),
        "latency": f"{seconds:.6f}s",
    }
    log.info("%s %s %d", request.method, request.path, response.status_code, extra={"http_request": fields})


def _id() -> str:
    return trace_context().request_id
