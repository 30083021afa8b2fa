"""Runs a scheduled operation when Cloud Scheduler calls its function."""

import flask

from shared.config import Settings
from shared.runtime.binding import BoundOperation
from shared.runtime.internal import InternalAuth
from shared.runtime.responses.respond import respond
from shared.runtime.routes import check_method


class ScheduledOperation:
    """A scheduled operation as a function of the functions framework."""

    def __init__(self, bound: BoundOperation, settings: Settings) -> None:
        self._bound = bound
        self._settings = settings
        self._internal_auth = InternalAuth(settings)

    def __call__(self, request: flask.Request) -> flask.Response:
        """Run once; the result is in the log and the response."""
        return respond(request, self._settings, self._serve, self._bound.row.name, "schedule")

    def _serve(self, request: flask.Request) -> flask.Response:
        check_method(request.method, ("POST",))
        self._internal_auth.check(request, request.headers.get("X-Internal-Token", ""))
        return flask.jsonify(done=self._bound.run())
