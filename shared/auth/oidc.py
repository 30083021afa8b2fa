"""Verifies Google's OIDC tokens: Pub/Sub and Cloud Scheduler send one of their service account.

The functions that they call have Cloud Run's own check of invokers off, and this is the only one. Where it is on, Cloud
Run verifies a token for the service's URL and passes it on without its signature; here such a token is refused.
"""

import json
import logging
import re
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import urllib3
from google.auth.exceptions import GoogleAuthError
from google.auth.jwt import decode_header
from google.oauth2.id_token import verify_token

from shared.auth.google_claims import ISSUERS, SIGNATURE_REMOVED, SKEW_SECONDS
from shared.errors import Unauthenticated, Unavailable

log = logging.getLogger(__name__)

CERTS_URL: Final = "https://www.googleapis.com/oauth2/v1/certs"
FETCH_SECONDS: Final = 5.0
KEEP_SECONDS: Final = 3600
"""How long certificates are cached if the response does not say; Google's does (Cache-Control: max-age)."""

AGAIN_SECONDS: Final = 30
"""How often certificates are fetched at most because a token names an unknown one."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """A response as google-auth expects it from a transport."""

    status: int
    data: bytes


class _Certificates:
    """Google's certificates, cached for as long as they are valid, and longer while no new ones can be fetched."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = urllib3.PoolManager(timeout=FETCH_SECONDS, retries=False)
        self._lock = threading.Lock()
        self._known: Mapping[str, str] = {}
        self._good_until = 0.0
        self._fetched_at = float("-inf")

    def __call__(self, url: str, method: str = "GET", **_: object) -> _Answer:
        """Answer google-auth from the cache: it would fetch them for every token."""
        return _Answer(200, json.dumps(dict(self._known)).encode())

    def learn(self, key_id: str | None) -> None:
        """Make sure that a key's certificate is cached, if it exists. Raises Unavailable without any certificates."""
        with self._lock:
            now = time.monotonic()
            stale = now >= self._good_until
            unknown = key_id not in self._known and now - self._fetched_at >= AGAIN_SECONDS
            if stale or unknown:
                self._fetched_at = now
                self._fetch(now)
            if not self._known:
                raise Unavailable("Google's certificates cannot be had.")

    def _fetch(self, now: float) -> None:
        try:
            answer = self._http.request("GET", self._url)
            found = json.loads(answer.data)
            if answer.status == 200 and isinstance(found, dict) and found:
                age = re.search(r"max-age=(\d+)", answer.headers.get("Cache-Control", ""))
                self._known = cast(dict[str, str], found)
                self._good_until = now + (int(age[1]) if age else KEEP_SECONDS)
        except (urllib3.exceptions.HTTPError, ValueError):
            self._good_until = now + AGAIN_SECONDS if self._known else 0.0


class GoogleTokens:
    """Authenticates service accounts by tokens that were issued for this audience."""

    def __init__(self, audience: str, accounts: Collection[str], certs_url: str = CERTS_URL) -> None:
        """
        audience: the audience that tokens must be issued for.
        accounts: the e-mail addresses of the allowed service accounts.
        certs_url: the URL of the issuer's X.509 certificates, by key id.
        """
        self._audience = audience
        self._accounts = frozenset(accounts)
        self._certs_url = certs_url
        self._certificates = _Certificates(certs_url)

    def check(self, token: str) -> str:
        """The calling account. Raises Unauthenticated; Unavailable if no certificates can be fetched."""
        if not self._audience or not self._accounts:
            raise Unauthenticated  # nothing was configured, so nobody may call
        if token.endswith(f".{SIGNATURE_REMOVED}"):
            # Without its signature anybody can have written it. Whether Cloud Run did, nothing here can tell.
            log.error("a token came without its signature: the invoker check of this service is on, and has to be off")
            raise Unauthenticated
        try:
            self._certificates.learn(decode_header(token).get("kid"))  # type: ignore[no-untyped-call]
            known = cast(Any, self._certificates)
            claims = verify_token(token, known, self._audience, self._certs_url, clock_skew_in_seconds=SKEW_SECONDS)
        except (ValueError, TypeError, AttributeError, GoogleAuthError) as error:
            raise Unauthenticated from error
        account = str(claims.get("email", ""))
        if claims.get("iss") not in ISSUERS or claims.get("email_verified") is not True:
            raise Unauthenticated
        if account not in self._accounts:
            raise Unauthenticated
        return account
