"""Authenticates internal callers of functions: Pub/Sub's pushes and the scheduler.

In the cloud they send Google's OIDC token, issued for INTERNAL_AUDIENCE to one of INTERNAL_ACCOUNTS. The local
stack's emulator sends none: there a shared secret is part of the endpoint's URL or a header.
"""

import hmac
from typing import TYPE_CHECKING

import flask

from shared.config import Settings
from shared.errors import Unauthenticated
from shared.runtime.request_headers import SINGLE, bearer_token, refuse_repeated

if TYPE_CHECKING:
    from shared.auth.oidc import GoogleTokens


class InternalAuth:
    """Checks whether a request may call an internal function."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tokens: GoogleTokens | None = None

    def check(self, request: flask.Request, secret: str) -> None:
        """Authenticate a request; on the local stack by `secret`, which it presented.

        Raises Unauthenticated, DuplicateHeader, Unavailable.
        """
        refuse_repeated(request.headers, SINGLE)
        if self._settings.local:
            authorise_internal(secret, self._settings)
            return
        self._google().check(bearer_token(request))

    def _google(self) -> "GoogleTokens":
        if self._tokens is None:
            from shared.auth.oidc import GoogleTokens

            self._tokens = GoogleTokens(self._settings.internal_audience, self._settings.internal_accounts)
        return self._tokens


def authorise_internal(presented: str, settings: Settings) -> None:
    """Compare a presented secret with the local stack's. Raises Unauthenticated."""
    if not hmac.compare_digest(presented.encode(), settings.secret("push_token")):
        raise Unauthenticated
