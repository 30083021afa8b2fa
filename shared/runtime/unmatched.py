"""The function behind all paths that no registry row serves."""

import flask

from shared.config import Settings
from shared.errors import MethodNotAllowed, RouteNotFound
from shared.runtime.responses.headers import ALLOW_METHODS, PREFLIGHT
from shared.runtime.responses.respond import respond
from shared.runtime.routes import Router


class Unmatched:
    """Answers an unknown path with 404, OPTIONS, and a method that a path does not support with 405."""

    def __init__(self, router: Router, settings: Settings) -> None:
        self._router = router
        self._settings = settings

    def __call__(self, request: flask.Request) -> flask.Response:
        """Answer with a problem document."""
        return respond(request, self._settings, self._serve, "unmatched")

    def _serve(self, request: flask.Request) -> flask.Response:
        allowed = self._router.allowed(request.path)
        if not allowed:
            raise RouteNotFound
        if request.method == "OPTIONS":
            methods = ", ".join([*allowed, "OPTIONS"])
            return flask.Response(status=204, headers={"Allow": methods, ALLOW_METHODS: methods, **PREFLIGHT})
        raise MethodNotAllowed(allowed)
