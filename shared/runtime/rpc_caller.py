"""Identifies the service that calls an RPC host.

On the local stack the caller names itself in the metadata. In the cloud it is the service account that Cloud Run has
let in: Cloud Run verifies Google's ID token and passes it on without its signature, so its claims can be trusted. It
reads `X-Serverless-Authorization` if that is sent, otherwise `Authorization`, never both. The job that promotes a cell
works as all of its services in turn, with one account: it alone is believed when it names itself.
(https://cloud.google.com/run/docs/authenticating/service-to-service)
"""

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from typing import Any, Final

from shared.auth.google_claims import ISSUERS, SIGNATURE_REMOVED, SKEW_SECONDS
from shared.auth.service_identity import HEADER
from shared.clock import Clock
from shared.config import Settings
from shared.config_values import PROMOTER
from shared.errors import Forbidden, Malformed, Unauthenticated
from shared.rpc.channel import CALLER
from shared.runtime.decode import json_object

AUTHORIZATION: Final = "authorization"

CallerIdentifier = Callable[[Mapping[str, str]], str]
"""Returns the calling service, given a call's metadata. Raises Unauthenticated, Forbidden."""


def caller_identifier(settings: Settings, clock: Clock) -> CallerIdentifier:
    """How callers are identified in this environment."""
    if settings.local:
        return claimed_caller

    def identified(metadata: Mapping[str, str]) -> str:
        service = _service(_account(metadata, clock.now().timestamp()), settings.rpc_callers)
        return claimed_caller(metadata) if service == PROMOTER else service

    return identified


def claimed_caller(metadata: Mapping[str, str]) -> str:
    """The caller's own claim, unverified."""
    return metadata.get(CALLER, "")


def _service(account: str, services: Mapping[str, str]) -> str:
    if account not in services:
        raise Forbidden(f"{account} is the account of no service.")
    return services[account]


def _account(metadata: Mapping[str, str], now: float) -> str:
    """The e-mail address of the account that the token was issued to."""
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
    if len(parts) != 3 or parts[2] != SIGNATURE_REMOVED:  # any other was verified by nobody
        raise Unauthenticated
    claims = parts[1]
    try:
        return json_object(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    except (Malformed, binascii.Error, ValueError) as error:
        raise Unauthenticated from error
