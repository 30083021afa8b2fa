"""The control endpoint: JSON over HTTP on loopback, for the console of the stack's own edge and nobody else.

Whoever can reach a loopback port may be any page in any browser on this machine, or any of its users. So each request
needs the token, which is in the state folder and known to the owner alone; the exact Origin of the edge, so that no
other page may use a token that it got hold of; and the endpoint's own address as Host, so that a name which is made to
lead here (DNS rebinding) does not.

    GET  /state               regions, troubles, processes, and what may be done to regions
    GET  /rates               by site: requests/s, orders/s, p50, p99
    GET  /traces?id=...       the spans of traces, which an order's story names
    GET  /jobs, /jobs/<id>    what is under way, and has ended
    POST /jobs                {"action": "sale" | "kill" | "heal" | "promote" | "cut" | "uncut", "regions"?, "size"?}
"""

import hmac
import time
from dataclasses import asdict
from typing import Any, Final

import flask
import msgspec
from werkzeug.exceptions import HTTPException

from emulators.control import actions, traces
from emulators.control.jobs import Busy, Job, Jobs
from emulators.control.rates import RateWatch
from emulators.demo import sale
from emulators.stack.errors import StackError
from emulators.stack.stack import Stack
from shared.decoding import ready

BODY_BYTES: Final = 16_384
BUYERS_AT_MOST: Final = 3000
PREFLIGHT_SECONDS: Final = "600"


class SaleSize(msgspec.Struct, forbid_unknown_fields=True):
    """How large a sale is to be."""

    supplies: int = sale.SUPPLIES
    units: int = sale.UNITS
    buyers: int = sale.BUYERS

    def __post_init__(self) -> None:
        if not (1 <= self.supplies <= 20 and 1 <= self.units <= 1000 and 2 <= self.buyers <= BUYERS_AT_MOST):
            raise ValueError(f"a sale has 1 to 20 supplies, 1 to 1000 units of each, 2 to {BUYERS_AT_MOST} buyers")


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be done."""

    action: str
    regions: tuple[str, ...] = ()
    size: SaleSize = msgspec.field(default_factory=SaleSize)


class Control:
    """The endpoint of one stack."""

    def __init__(self, stack: Stack, token: str, host: str) -> None:
        """
        stack: a running one.
        token: what callers know.
        host: the host:port that callers reach it by.
        """
        self._stack = stack
        self._token = token
        self._host = host
        self._jobs = Jobs()
        self._rates = RateWatch(stack)

    def application(self) -> flask.Flask:
        """The WSGI application."""
        app = flask.Flask("meridian-control")
        app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES
        app.before_request(self._admit)
        app.after_request(self._allow)
        app.register_error_handler(HTTPException, _refusal)
        app.register_error_handler(StackError, lambda error: _problem(409, str(error)))
        app.register_error_handler(Busy, _busy)
        for path, view in (("/state", self._state), ("/rates", self._read_rates), ("/traces", self._traces)):
            app.add_url_rule(path, path, view)
        app.add_url_rule("/jobs", "jobs", lambda: flask.jsonify(jobs=[_shown(job) for job in self._jobs.all()]))
        app.add_url_rule("/jobs", "start", self._start, methods=["POST"])
        app.add_url_rule("/jobs/<int:number>", "job", self._job)
        return app

    def _admit(self) -> flask.Response | None:
        """Refuse whoever is not the stack's own console."""
        request = flask.request
        if request.host != self._host:
            return _problem(421, f"This endpoint is {self._host}, and is not reached by another name.")
        if request.headers.get("Origin") != self._stack.edge_url:
            return _problem(403, f"Only pages of {self._stack.edge_url} may call this endpoint.")
        if request.method == "OPTIONS":
            return flask.Response(status=204)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not hmac.compare_digest(token.encode(), self._token.encode()):
            return _problem(401, "The token of this stack is missing or wrong: open the console at the printed URL.")
        return None

    def _allow(self, response: flask.Response) -> flask.Response:
        """Let pages of the edge read the response (CORS)."""
        response.headers["Vary"] = "Origin"
        response.headers["Cache-Control"] = "no-store"
        response.headers["Access-Control-Allow-Origin"] = self._stack.edge_url
        if flask.request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
            response.headers["Access-Control-Allow-Methods"] = "GET, POST"
            response.headers["Access-Control-Max-Age"] = PREFLIGHT_SECONDS
        return response

    def _state(self) -> flask.Response:
        layout, troubles = self._stack.layout, self._stack.regions.troubles
        now = time.time()
        return flask.jsonify(
            regions=list(layout.regions),
            cells=[{"cell": site.cell, "region": site.region, "site": site.name} for site in self._stack.served],
            killed=sorted(troubles.killed),
            cut=sorted(troubles.cut),
            moved=dict(troubles.moved),
            choices=[asdict(choice) for choice in actions.choices(layout, troubles)],
            processes=[
                {
                    "name": process.name,
                    "state": process.state,
                    "pid": process.pid or None,
                    "port": layout.ports.get(process.name),
                    "seconds": round(now - process.started_at) if process.pid else None,
                }
                for process in self._stack.status()
            ],
        )

    def _read_rates(self) -> flask.Response:
        found = self._rates.read()
        return flask.jsonify(sites={name: asdict(rates) if rates else None for name, rates in found.items()})

    def _traces(self) -> flask.Response:
        wanted = traces.checked(flask.request.args.getlist("id"))
        return flask.jsonify(traces=traces.of_order(self._stack, wanted))

    def _job(self, number: int) -> flask.Response:
        job = self._jobs.get(number)
        return flask.jsonify(_shown(job)) if job else _problem(404, "There is no such job, or it was long ago.")

    def _start(self) -> flask.Response:
        if flask.request.mimetype != "application/json":
            return _problem(415, "The body must be JSON.")
        try:
            order = msgspec.json.decode(flask.request.get_data(), type=ready(Order))
        except msgspec.DecodeError as error:
            return _problem(400, str(error))
        if order.action == "sale":
            size = sale.Size(order.size.supplies, order.size.units, order.size.buyers)
            job = self._jobs.start("sale", "The sale", (), actions.sell(self._stack, size))
        else:
            wanted = 1 if order.action in actions.REASONS else 2
            if order.action not in (*actions.REASONS, *actions.OF_TWO) or len(order.regions) != wanted:
                return _problem(400, "There is no such action, or it takes another number of regions.")
            unknown = [region for region in order.regions if region not in self._stack.layout.regions]
            if unknown:
                regions = ", ".join(self._stack.layout.regions)
                return _problem(404, f"The stack's regions are {regions}, and not {unknown[0]}.")
            act = actions.on_regions(self._stack, order.action, order.regions)
            job = self._jobs.start("region", order.action, order.regions, act)
        response = flask.jsonify(_shown(job))
        response.status_code = 202
        return response


def _shown(job: Job) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(job)
    return shown


def _busy(error: Busy) -> flask.Response:
    return _problem(409, str(error), job=error.running.id)


def _refusal(error: HTTPException) -> flask.Response:
    return _problem(error.code or 500, error.description or "")


def _problem(status: int, detail: str, **more: Any) -> flask.Response:
    response = flask.jsonify(status=status, detail=detail, **more)
    response.status_code = status
    response.mimetype = "application/problem+json"
    return response
