"""A signed-in user's tokens: sent with each request, and refreshed before they expire."""

import time
from collections.abc import Generator
from typing import Final

import httpx
import msgspec

from .api import Tokens
from .decoding import ready

RENEW_SECONDS: Final = 60
"""How long before its access token expires a session is refreshed."""


class Session(httpx.Auth):
    """The session of a user, for one client or several threads of it.

    Two threads may refresh it at the same time: for ten seconds a refresh token that was just used gets the same
    successor again.
    """

    requires_response_body = True

    def __init__(self, base_url: httpx.URL, tokens: Tokens) -> None:
        """base_url: that of the API. tokens: as sign_in returns them."""
        self._refresh = base_url.join("/v1/auth/refresh")
        self._keep(tokens)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a request with the access token, refreshed if it expires soon or is no longer accepted.

        A 401 had no effect, so the request may be sent again. A session that cannot be refreshed is over, which the
        answer to the request then says.
        """
        if time.monotonic() > self._renew_at:
            yield from self._renew()
        sent = self._authorise(request)
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            if sent == self.tokens.access_token:  # no other thread has refreshed it
                yield from self._renew()
            self._authorise(request)
            yield request

    def _renew(self) -> Generator[httpx.Request, httpx.Response, None]:
        response = yield httpx.Request("POST", self._refresh, json={"refresh_token": self.tokens.refresh_token})
        if response.is_success:
            self._keep(msgspec.json.decode(response.content, type=ready(Tokens)))

    def _authorise(self, request: httpx.Request) -> str:
        request.headers["Authorization"] = f"Bearer {self.tokens.access_token}"
        return self.tokens.access_token

    def _keep(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self._renew_at = time.monotonic() + tokens.expires_in - RENEW_SECONDS
