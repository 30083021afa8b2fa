"""A user with a wallet, who signs in with EIP-4361 and calls the API through the edge."""

import math
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import httpx

from emulators.stack.parts.global_edge import CLIENT_REGION
from emulators.waiting import until
from shared.chain.ethereum import address_of, personal_digest, sign
from shared.client.python.meridian_client import calling
from shared.client.python.meridian_client.api import Client, Tokens
from shared.client.python.meridian_client.errors import ApiError

T = TypeVar("T")

CHAIN_ID: Final = 31337
RETRY_SECONDS: Final = 150
"""How long a request is retried: more than twice a circuit breaker's longest open period, to outlast a recovery."""

SETTLE_SECONDS: Final = 120
PAUSE_SECONDS: Final = 0.25
RENEW_SECONDS: Final = 120
"""How long before its access token expires a client refreshes it."""

SETTLED_POLL_SECONDS: Final = 1.0
"""Seldom, so that polling by hundreds of buyers does not slow down what they wait for."""

RETRYABLE: Final = frozenset({429, 502, 503, 504})
"""Statuses after which a client retries."""

fresh_key = calling.fresh_key


class ApiUser:
    """A user of the shop, with a key of their own."""

    def __init__(self, client: httpx.Client, key: bytes | None = None, near: str = "") -> None:
        """
        client: connections to the edge, which users may share. key: of secp256k1; None for a new one.
        near: the region that this user is near, for a global edge; empty for wherever it sends them.
        """
        self._http = client
        self._near = {CLIENT_REGION: near} if near else {}
        self._key = key or secrets.token_bytes(32)
        self.address = address_of(self._key)
        self.user_id = ""
        self.wallet_id = ""
        self.access_token = ""
        self.refresh_token = ""
        self._renew_at = math.inf

    @property
    def api(self) -> Client:
        """The API as this user, each request sent once."""
        return Client(self._send)

    @property
    def retrying(self) -> Client:
        """The API as this user, with retries as in `send_with_retries`."""
        return Client(lambda *route, **rest: _send_with_retries(lambda: self._send(*route, **rest)))

    def sign_in(self) -> "ApiUser":
        """Prove the address, store the tokens, and look up the default wallet."""
        nonce = self.api.issue_nonce(address=self.address, chain_id=CHAIN_ID)
        signature = "0x" + sign(personal_digest(nonce.message.encode()), self._key).hex()
        self._store(self.api.sign_in(message=nonce.message, signature=signature))
        self.wallet_id = self.api.list_wallets().items[0].id
        return self

    def keep_token(self) -> None:
        """Do not refresh the access token any more."""
        self._renew_at = math.inf

    def get(self, path: str) -> Any:
        """GET a resource. Raises httpx.HTTPStatusError unless it succeeds."""
        return self._body(self.request("GET", path))

    def post(self, path: str, body: Any = None, key: str | None = None) -> Any:
        """POST, with an idempotency key where one is given. Raises httpx.HTTPStatusError."""
        return self._body(self.request("POST", path, body, key))

    def request(
        self, method: str, path: str, body: Any = None, key: str | None = None, more: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Send a request, with optional extra headers, and return the response whatever its status."""
        keyed = {} if key is None else {"Idempotency-Key": key}
        return self._send(method, path, json=body, headers={**keyed, **(more or {})})

    def send_with_retries(
        self, method: str, path: str, body: Any = None, key: str | None = None, more: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Send a request until it gets a final response, as a client does when the network or server fails.

        Only with an idempotency key, or for an idempotent request: one whose connection was cut is sent again.
        Raises httpx.HTTPError when it does not succeed within RETRY_SECONDS.
        """
        return _send_with_retries(lambda: self.request(method, path, body, key, more))

    def sign_in_with_retries(self) -> "ApiUser":
        """Sign in, with a new nonce on each attempt: a nonce whose response was lost is used up."""
        end = time.monotonic() + RETRY_SECONDS
        while True:
            try:
                return self.sign_in()
            except (httpx.TransportError, ApiError):
                if time.monotonic() > end:
                    raise
            time.sleep(PAUSE_SECONDS)

    def until_settled(self, path: str, done: Callable[[Any], bool]) -> Any:
        """Poll a resource, with retries, until `done` accepts it. Raises TimeoutError."""
        return until_settled(lambda: self.send_with_retries("GET", path).json(), done)

    def balance(self, currency: str) -> int:
        """The posted balance of the default wallet, in atomic units."""
        balances = self.api.get_balances(wallet_id=self.wallet_id).balances
        return sum(int(balance.posted) for balance in balances if balance.currency == currency)

    def wait_for(self, path: str, field: str, *values: Any, within_seconds: float = 20) -> Any:
        """Poll a resource until a field has one of these values. Raises TimeoutError with the last response."""
        return until(lambda: self.get(path), lambda seen: seen[field] in values, within_seconds)

    def _send(self, method: str, path: str, /, *, headers: Mapping[str, str], **rest: Any) -> httpx.Response:
        if self.access_token and time.monotonic() > self._renew_at:
            self._renew()
        signed_in = {"Authorization": f"Bearer {self.access_token}"} if self.access_token else {}
        return self._send_signed_out(method, path, headers={**signed_in, **headers}, **rest)

    def _send_signed_out(self, method: str, path: str, /, *, headers: Mapping[str, str], **rest: Any) -> httpx.Response:
        return self._http.request(method, path, headers={**self._near, **headers}, **rest)

    def _renew(self) -> None:
        """Refresh the tokens before they expire; concurrent refreshes get the same tokens."""
        self._store(Client(self._send_signed_out).refresh_session(refresh_token=self.refresh_token))

    def _store(self, session: Tokens) -> None:
        self.user_id = session.user_id
        self.access_token = session.access_token
        self.refresh_token = session.refresh_token
        self._renew_at = time.monotonic() + session.expires_in - RENEW_SECONDS

    @staticmethod
    def _body(response: httpx.Response) -> Any:
        response.raise_for_status()
        return response.json() if response.content else None


def until_settled(look: Callable[[], T], done: Callable[[T], bool]) -> T:
    """Poll as `until` does, but at long intervals and with a long deadline. Raises TimeoutError."""
    return until(look, done, SETTLE_SECONDS, SETTLED_POLL_SECONDS)


def _send_with_retries(send: Callable[[], httpx.Response]) -> httpx.Response:
    end = time.monotonic() + RETRY_SECONDS
    while True:
        try:
            response = send()
            if response.status_code not in RETRYABLE and not _in_progress(response):
                return response
            failure: httpx.HTTPError = ApiError(response)
        except httpx.TransportError as error:
            failure = error
        if time.monotonic() > end:
            raise failure
        time.sleep(PAUSE_SECONDS)


def _in_progress(response: httpx.Response) -> bool:
    return response.status_code == 409 and response.json()["code"] == "IDEMPOTENCY_IN_PROGRESS"
