"""The OAUTHBEARER tokens of Google's Managed Service for Apache Kafka: Google's access tokens, wrapped as JWTs.

Imported only in the cloud. The format is from Google's documentation, "Authentication types for
Managed Service for Apache Kafka": three parts of base64url without padding, a header that names GOOG_OAUTH2_TOKEN, the
claims, and the access token in place of a signature.
"""

import json
import time
from datetime import UTC
from typing import Any, Final

from shared.base64url import base64url
from shared.google_account import valid_credentials

HEADER: Final = {"typ": "JWT", "alg": "GOOG_OAUTH2_TOKEN"}


def token(_: str) -> tuple[str, float]:
    """The token of this process's service account and its expiry, in seconds since the epoch; called by librdkafka.

    Raises google.auth.exceptions.GoogleAuthError, which librdkafka treats as a failure, and retries.
    """
    return as_jwt(valid_credentials(), time.time())


def as_jwt(credentials: Any, now: float) -> tuple[str, float]:
    """Google's access token in the form that the brokers accept, and its expiry.

    now: seconds since the epoch. The credentials' expiry is a naive datetime in UTC.
    """
    ends = credentials.expiry.replace(tzinfo=UTC).timestamp()
    claims = {"exp": ends, "iss": "Google", "iat": now, "scope": "kafka", "sub": credentials.service_account_email}
    parts = (json.dumps(HEADER), json.dumps(claims), credentials.token)
    return ".".join(base64url(part.encode()) for part in parts), ends
