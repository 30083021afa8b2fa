"""Access tokens of this process's service account, for Google's services that take one as a password.

Imported only in the cloud.
"""

import threading
from functools import cache
from typing import Any, Final

import google.auth
from google.auth.transport.urllib3 import Request
from urllib3 import PoolManager

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
REFRESH_SECONDS: Final = 2.0

_refreshing = threading.Lock()


def valid_credentials() -> Any:
    """The account's credentials with a valid token. Raises google.auth.exceptions.GoogleAuthError."""
    credentials = _credentials()
    with _refreshing:
        if not credentials.valid:
            credentials.refresh(transport())
    return credentials


def transport() -> Any:
    """What google-auth fetches tokens through: one attempt, bounded in time."""
    return Request(PoolManager(timeout=REFRESH_SECONDS, retries=False))  # type: ignore[no-untyped-call]


@cache
def _credentials() -> Any:
    found, _ = google.auth.default(scopes=[SCOPE])
    return found
