"""Somebody with a wallet: signs in as EIP-4361 asks, and speaks to the API through the edge."""

import math
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx

from shared.adapters.ethereum import address_of, personal_digest, sign

CHAIN_ID: Final = 31337
LOOK_SECONDS: Final = 0.1
INSIST_SECONDS: Final = 60
SETTLE_SECONDS: Final = 120
PAUSE_SECONDS: Final = 0.25
RENEW_SECONDS: Final = 120
"""How long before its token dies a client takes another."""

SETTLED_LOOK_SECONDS: Final = 1.0
"""Seldom enough that a crowd that looks does not slow down what it waits for."""

PASSING: Final = frozenset({429, 502, 503, 504})
"""Statuses after which a client tries again."""


class Person:
    """A user of the shop, with a key of their own."""

    def __init__(self, client: httpx.Client) -> None:
        """client: connections to the edge, which people may share."""
        self._http = client
        self._key = secrets.token_bytes(32)
        self.address = address_of(self._key)
        self.user_id = ""
        self.wallet_id = ""
        self.access_token = ""
        self.refresh_token = ""
        self._renew_at = math.inf

    def sign_in(self) -> "Person":
        """Prove the address, take the tokens, and find the default wallet."""
        nonce = self.post("/v1/auth/nonce", {"address": self.address, "chain_id": CHAIN_ID})
        signature = "0x" + sign(personal_digest(nonce["message"].encode()), self._key).hex()
        self._take(self.post("/v1/auth/sign-in", {"message": nonce["message"], "signature": signature}))
        self.wallet_id = self.get("/v1/wallets")["items"][0]["id"]
        return self

    def keep_token(self) -> None:
        """Use the access token as it is, to its end."""
        self._renew_at = math.inf

    def get(self, path: str) -> Any:
        """GET a resource. Raises httpx.HTTPStatusError for anything but a success."""
        return self._answer(self.request("GET", path))

    def post(self, path: str, body: Any = None, key: str | None = None) -> Any:
        """POST, with an idempotency key where one is given. Raises httpx.HTTPStatusError."""
        return self._answer(self.request("POST", path, body, key))

    def request(
        self, method: str, path: str, body: Any = None, key: str | None = None, more: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Any request, with more headers where some are given, and whatever is answered."""
        if self.access_token and time.monotonic() > self._renew_at:
            self._renew()
        headers = {"Authorization": f"Bearer {self.access_token}"} if self.access_token else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self._http.request(method, path, json=body, headers={**headers, **(more or {})})

    def insist(
        self, method: str, path: str, body: Any = None, key: str | None = None, *, again: bool = True
    ) -> httpx.Response:
        """Send a request until it is answered for good, as a client does whose network or server fails.

        again: whether what was cut off may simply be sent again: with a key, or where a repeat does no harm.
        Raises httpx.HTTPError when nothing comes of it within INSIST_SECONDS, or when `again` forbids another try.
        """
        until = time.monotonic() + INSIST_SECONDS
        while True:
            try:
                response = self.request(method, path, body, key)
                if response.status_code not in PASSING and not _in_progress(response):
                    return response
                failure: httpx.HTTPError = httpx.HTTPStatusError(
                    "no answer", request=response.request, response=response
                )
            except httpx.TransportError as error:
                failure = error
            if not again or time.monotonic() > until:
                raise failure
            time.sleep(PAUSE_SECONDS)

    def sign_in_anyhow(self) -> "Person":
        """Sign in with a new nonce until it works: a nonce whose answer was lost is used up."""
        until = time.monotonic() + INSIST_SECONDS
        while True:
            try:
                return self.sign_in()
            except (httpx.TransportError, httpx.HTTPStatusError):
                if time.monotonic() > until:
                    raise
            time.sleep(PAUSE_SECONDS)

    def settled(self, path: str, done: Callable[[Any], bool]) -> Any:
        """Look at a resource until it is as it should be, whatever fails meanwhile. Raises TimeoutError."""
        until = time.monotonic() + SETTLE_SECONDS
        while True:
            seen = self.insist("GET", path).json()
            if done(seen):
                return seen
            if time.monotonic() > until:
                raise TimeoutError(f"{path} is still {seen} after {SETTLE_SECONDS} s")
            time.sleep(SETTLED_LOOK_SECONDS)

    def balance(self, currency: str) -> int:
        """What the default wallet holds, in atomic units."""
        balances = self.get(f"/v1/wallets/{self.wallet_id}/balances")["balances"]
        return sum(int(balance["posted"]) for balance in balances if balance["currency"] == currency)

    def wait_for(self, path: str, field: str, *wanted: Any, within_seconds: float = 20) -> Any:
        """Look at a resource until a field is one of these. Raises TimeoutError, saying what it was instead."""
        until = time.monotonic() + within_seconds
        while True:
            seen = self.get(path)
            if seen[field] in wanted:
                return seen
            if time.monotonic() > until:
                raise TimeoutError(f"{path}: {field} is {seen[field]!r} after {within_seconds} s, not {wanted}")
            time.sleep(LOOK_SECONDS)

    def _renew(self) -> None:
        """Take new tokens before the old one dies; several at once get the same ones."""
        answer = self._http.post("/v1/auth/refresh", json={"refresh_token": self.refresh_token})
        self._take(self._answer(answer))

    def _take(self, session: Any) -> None:
        self.user_id = session["user_id"]
        self.access_token = session["access_token"]
        self.refresh_token = session["refresh_token"]
        self._renew_at = time.monotonic() + session["expires_in"] - RENEW_SECONDS

    @staticmethod
    def _answer(response: httpx.Response) -> Any:
        response.raise_for_status()
        return response.json() if response.content else None


def _in_progress(response: httpx.Response) -> bool:
    return response.status_code == 409 and response.json()["code"] == "IDEMPOTENCY_IN_PROGRESS"


def fresh_key() -> str:
    """An idempotency key for a new request."""
    return secrets.token_hex(16)
