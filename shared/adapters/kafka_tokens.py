"""The OAUTHBEARER tokens of Google's Managed Service for Apache Kafka: Google's own, in the dress of a JWT.

Loaded only where Kafka is reached in the cloud. The form is that of Google's documentation, "Authentication types for
Managed Service for Apache Kafka": three parts of base64url without padding, a header that names GOOG_OAUTH2_TOKEN, the
claims, and the access token in place of a signature.
"""

import base64
import json
import time
from datetime import UTC
from functools import cache
from typing import Any, Final

import google.auth
from google.auth.transport.urllib3 import Request
from urllib3 import PoolManager

HEADER: Final = {"typ": "JWT", "alg": "GOOG_OAUTH2_TOKEN"}
SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"


def token(_: str) -> tuple[str, float]:
    """The token of this process's service account, and when it ends, in seconds since 1970; librdkafka asks in time.

    Raises google.auth.exceptions.GoogleAuthError, which librdkafka takes for a failure, and asks again.
    """
    credentials = _credentials()
    if not credentials.valid:
        credentials.refresh(Request(PoolManager()))  # type: ignore[no-untyped-call]
    return dressed(credentials, time.time())


def dressed(credentials: Any, now: float) -> tuple[str, float]:
    """Google's access token as the brokers take it, and its end.

    now: seconds since 1970. The credentials' expiry is in UTC, without saying so.
    """
    ends = credentials.expiry.replace(tzinfo=UTC).timestamp()
    claims = {"exp": ends, "iss": "Google", "iat": now, "scope": "kafka", "sub": credentials.service_account_email}
    parts = (json.dumps(HEADER), json.dumps(claims), credentials.token)
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts), ends


@cache
def _credentials() -> Any:
    found, _ = google.auth.default(scopes=[SCOPE])
    return found
