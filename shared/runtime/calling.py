"""Which service calls an RPC host.

On the local stack it says so itself. In the cloud it is whose service account Cloud Run has let in: Cloud Run checks
Google's ID token, and hands it on with its signature taken off, so that its claims are Google's word. It looks at
`X-Serverless-Authorization` where that is sent, else at `Authorization`, and never at both.
(https://cloud.google.com/run/docs/authenticating/service-to-service)
"""

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from typing import Any, Final

from shared.adapters.clock import Clock
from shared.adapters.identity import HEADER
from shared.adapters.rpc import CALLER
from shared.config import Settings
from shared.errors import Forbidden, Malformed, Unauthenticated
from shared.runtime.decode import json_object

AUTHORIZATION: Final = "authorization"
TAKEN_OFF: Final = "SIGNATURE_REMOVED_BY_GOOGLE"
"""What stands in a token in place of the signature that Cloud Run has checked; any other has been checked by nobody."""

ISSUERS: Final = ("https://accounts.google.com", "accounts.google.com")
SKEW_SECONDS: Final = 10

Calling = Callable[[Mapping[str, str]], str]
"""Tells the service that calls by a call's metadata. Raises Unauthenticated, Forbidden."""


def calling(settings: Settings, clock: Clock) -> Calling:
    """How this environment knows who calls."""
    if settings.local:
        return as_told
    return lambda metadata: _service(_account(metadata, clock.now().timestamp()), settings.rpc_callers)


def as_told(metadata: Mapping[str, str]) -> str:
    """The caller as it calls itself."""
    return metadata.get(CALLER, "")


def _service(account: str, services: Mapping[str, str]) -> str:
    if account not in services:
        raise Forbidden(f"{account} is the account of no service.")
    return services[account]


def _account(metadata: Mapping[str, str], now: float) -> str:
    """The e-mail address of the account that the token is of."""
    scheme, _, token = metadata.get(HEADER, metadata.get(AUTHORIZATION, "")).partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated
    claims = _claims(token)
    email, expires = claims.get("email"), claims.get("exp")
    if claims.get("iss") not in ISSUERS or claims.get("email_verified") is not True:
        raise Unauthenticated
    if not isinstance(email, str) or type(expires) is not int or expires + SKEW_SECONDS <= now:
        raise Unauthenticated
    return email


def _claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != 3 or parts[2] != TAKEN_OFF:
        raise Unauthenticated
    claims = parts[1]
    try:
        return json_object(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    except (Malformed, binascii.Error, ValueError) as error:
        raise Unauthenticated from error
