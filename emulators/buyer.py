"""Somebody with a wallet: signs in as EIP-4361 asks, and speaks to the API through the edge."""

import math
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import httpx

from emulators.client import calling
from emulators.client.calling import ApiError
from emulators.client.gen.api import Client, TokensView
from shared.adapters.ethereum import address_of, personal_digest, sign

T = TypeVar("T")

CHAIN_ID: Final = 31337
LOOK_SECONDS: Final = 0.1
INSIST_SECONDS: Final = 150
"""Longer than twice what a breaker stays open at most, so that whoever insists comes through where all recovers."""

SETTLE_SECONDS: Final = 120
PAUSE_SECONDS: Final = 0.25
RENEW_SECONDS: Final = 120
"""How long before its token dies a client takes another."""

SETTLED_LOOK_SECONDS: Final = 1.0
"""Seldom enough that a crowd that looks does not slow down what it waits for."""

PASSING: Final = frozenset({429, 502, 503, 504})
"""Statuses after which a client tries again."""

fresh_key = calling.fresh_key


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

    @property
    def api(self) -> Client:
        """The API as this person calls it, each request sent once."""
        return Client(self._send)

    @property
    def insisting(self) -> Client:
        """The same, but a request is sent until it is answered for good, as by `insist`."""
        return Client(lambda *route, **rest: _insist(lambda: self._send(*route, **rest)))

    def sign_in(self) -> "Person":
        """Prove the address, take the tokens, and find the default wallet."""
        nonce = self.api.issue_nonce(address=self.address, chain_id=CHAIN_ID)
        signature = "0x" + sign(personal_digest(nonce.message.encode()), self._key).hex()
        self._take(self.api.sign_in(message=nonce.message, signature=signature))
        self.wallet_id = self.api.list_wallets().items[0].id
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
        keyed = {} if key is None else {"Idempotency-Key": key}
        return self._send(method, path, json=body, headers={**keyed, **(more or {})})

    def insist(self, method: str, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
        """Send a request until it is answered for good, as a client does whose network or server fails.

        Only with a key, or where a repeat does no harm: what was cut off is sent again.
        Raises httpx.HTTPError when nothing comes of it within INSIST_SECONDS.
        """
        return _insist(lambda: self.request(method, path, body, key))

    def sign_in_anyhow(self) -> "Person":
        """Sign in with a new nonce until it works: a nonce whose answer was lost is used up."""
        end = time.monotonic() + INSIST_SECONDS
        while True:
            try:
                return self.sign_in()
            except (httpx.TransportError, ApiError):
                if time.monotonic() > end:
                    raise
            time.sleep(PAUSE_SECONDS)

    def settled(self, path: str, done: Callable[[Any], bool]) -> Any:
        """Look at a resource until it is as it should be, whatever fails meanwhile. Raises TimeoutError."""
        return settled(lambda: self.insist("GET", path).json(), done)

    def balance(self, currency: str) -> int:
        """What the default wallet holds, in atomic units."""
        balances = self.api.get_balances(wallet_id=self.wallet_id).balances
        return sum(int(balance.posted) for balance in balances if balance.currency == currency)

    def wait_for(self, path: str, field: str, *wanted: Any, within_seconds: float = 20) -> Any:
        """Look at a resource until a field is one of these. Raises TimeoutError, saying what it was instead."""
        return until(lambda: self.get(path), lambda seen: seen[field] in wanted, within_seconds)

    def _send(self, method: str, path: str, /, *, headers: Mapping[str, str], **rest: Any) -> httpx.Response:
        if self.access_token and time.monotonic() > self._renew_at:
            self._renew()
        signed_in = {"Authorization": f"Bearer {self.access_token}"} if self.access_token else {}
        return self._http.request(method, path, headers={**signed_in, **headers}, **rest)

    def _renew(self) -> None:
        """Take new tokens before the old one dies; several at once get the same ones."""
        self._take(Client(self._http.request).refresh_session(refresh_token=self.refresh_token))

    def _take(self, session: TokensView) -> None:
        self.user_id = session.user_id
        self.access_token = session.access_token
        self.refresh_token = session.refresh_token
        self._renew_at = time.monotonic() + session.expires_in - RENEW_SECONDS

    @staticmethod
    def _answer(response: httpx.Response) -> Any:
        response.raise_for_status()
        return response.json() if response.content else None


def until(look: Callable[[], T], done: Callable[[T], bool], within_seconds: float = 20) -> T:
    """Look until what is seen is as it should be. Raises TimeoutError, saying what it was instead."""
    return _look(look, done, within_seconds, LOOK_SECONDS)


def settled(look: Callable[[], T], done: Callable[[T], bool]) -> T:
    """Look, seldom and for long, until what is seen is as it should be. Raises TimeoutError."""
    return _look(look, done, SETTLE_SECONDS, SETTLED_LOOK_SECONDS)


def _look(look: Callable[[], T], done: Callable[[T], bool], within_seconds: float, pause_seconds: float) -> T:
    end = time.monotonic() + within_seconds
    while not done(seen := look()):
        if time.monotonic() > end:
            raise TimeoutError(f"after {within_seconds} s it is still {seen}")
        time.sleep(pause_seconds)
    return seen


def _insist(send: Callable[[], httpx.Response]) -> httpx.Response:
    end = time.monotonic() + INSIST_SECONDS
    while True:
        try:
            response = send()
            if response.status_code not in PASSING and not _in_progress(response):
                return response
            failure: httpx.HTTPError = ApiError(response)
        except httpx.TransportError as error:
            failure = error
        if time.monotonic() > end:
            raise failure
        time.sleep(PAUSE_SECONDS)


def _in_progress(response: httpx.Response) -> bool:
    return response.status_code == 409 and response.json()["code"] == "IDEMPOTENCY_IN_PROGRESS"
