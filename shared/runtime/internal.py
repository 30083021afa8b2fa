"""Lets in what calls functions from within: Pub/Sub's pushes and the scheduler.

In the cloud they carry Google's OIDC token, made out to INTERNAL_AUDIENCE for one of INTERNAL_ACCOUNTS. The local
stack's emulator sends none: there a shared secret stands in the endpoint or a header.
"""

import hmac
from typing import TYPE_CHECKING

import flask

from shared.config import Settings
from shared.errors import Unauthenticated
from shared.runtime.request_headers import SINGLE, bearer_token, refuse_repeated

if TYPE_CHECKING:
    from shared.adapters.oidc import GoogleTokens


class Doorkeeper:
    """Tells who may call an internal function."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tokens: GoogleTokens | None = None

    def check(self, request: flask.Request, secret: str) -> None:
        """Let a request in, which on the local stack presents this secret.

        Raises Unauthenticated, DuplicateHeader, Unavailable.
        """
        refuse_repeated(request.headers, SINGLE)
        if self._settings.local:
            authorise_internal(secret, self._settings)
            return
        self._google().check(bearer_token(request))

    def _google(self) -> "GoogleTokens":
        if self._tokens is None:
            from shared.adapters.oidc import GoogleTokens

            self._tokens = GoogleTokens(self._settings.internal_audience, self._settings.internal_accounts)
        return self._tokens


def authorise_internal(presented: str, settings: Settings) -> None:
    """Let in only who knows the stack's secret. Raises Unauthenticated."""
    if not hmac.compare_digest(presented.encode(), settings.secret("push_token")):
        raise Unauthenticated
