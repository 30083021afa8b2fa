"""How a service authenticates to another one in the cloud: TLS, and Google's ID token of its service account.

The token is sent in `X-Serverless-Authorization`, which Cloud Run verifies and strips, so that `Authorization` stays
free. Its audience is the called address, and it is renewed before it expires.
(https://cloud.google.com/run/docs/authenticating/service-to-service)
"""

import threading
from collections.abc import Callable
from typing import Any, Final, Protocol

import grpc

from shared.errors import Unavailable

HEADER: Final = "x-serverless-authorization"


class IdToken(Protocol):
    """google-auth's ID token credentials."""

    valid: bool
    token: str

    def refresh(self, request: Any) -> None:
        """Fetch a new token. Raises GoogleAuthError."""


def google_token(audience: str) -> IdToken:
    """The ID token of this process's service account for an audience. Raises GoogleAuthError."""
    from google.oauth2.id_token import fetch_id_token_credentials

    found: IdToken = fetch_id_token_credentials(audience, request=_transport())  # type: ignore[no-untyped-call]
    return found


def channel_credentials(
    address: str, token: Callable[[str], IdToken] = google_token, root_certificates: bytes | None = None
) -> grpc.ChannelCredentials:
    """Channel credentials for host:port: TLS, and a valid token with every call.

    root_certificates: the trusted roots, in PEM; the public authorities by default.
    """
    plugin = _Plugin(ServiceToken(f"https://{address.rpartition(':')[0]}", token))
    calls = grpc.metadata_call_credentials(plugin, name="id-token")
    return grpc.composite_channel_credentials(grpc.ssl_channel_credentials(root_certificates), calls)


class ServiceToken:
    """The token of this process's service account for one audience, renewed before it expires."""

    def __init__(self, audience: str, token: Callable[[str], IdToken] = google_token) -> None:
        self._audience = audience
        self._token = token
        self._lock = threading.Lock()
        self._known: IdToken | None = None

    def fetch(self) -> str:
        """A valid token. Raises GoogleAuthError."""
        with self._lock:
            self._known = self._known or self._token(self._audience)
            if not self._known.valid:
                self._known.refresh(_transport())
            return self._known.token

    def value(self) -> str:
        """A valid token. Raises Unavailable."""
        from google.auth.exceptions import GoogleAuthError

        try:
            return self.fetch()
        except GoogleAuthError as error:
            raise Unavailable("Google gives no token of this service.") from error


class _Plugin(grpc.AuthMetadataPlugin):  # type: ignore[misc]
    """Adds the token to a call's metadata."""

    def __init__(self, token: ServiceToken) -> None:
        self._token = token

    def __call__(self, context: object, callback: Callable[[Any, Exception | None], None]) -> None:
        """Called by gRPC on its own thread; an error passed to the callback fails the call as UNAVAILABLE."""
        try:
            bearer = f"Bearer {self._token.fetch()}"
        except Exception as error:  # noqa: BLE001 - whatever it is, gRPC must get it
            callback((), error)
            return
        callback(((HEADER, bearer),), None)


def _transport() -> Any:
    from shared.google_account import transport

    return transport()
