"""Somebody with a wallet: signs in as EIP-4361 asks, and speaks to the API through the edge."""

import secrets
import time
from typing import Any, Final

import httpx

from shared.adapters.ethereum import address_of, personal_digest, sign

CHAIN_ID: Final = 31337
TIMEOUT_SECONDS: Final = 30
LOOK_SECONDS: Final = 0.1


class Person:
    """A user of the shop, with a key of their own."""

    def __init__(self, edge_url: str, client: httpx.Client | None = None) -> None:
        """
        edge_url: where the API is.
        client: the connections to use; a pool of its own where none is given.
        """
        self._http = client or httpx.Client(base_url=edge_url, timeout=TIMEOUT_SECONDS)
        self._key = secrets.token_bytes(32)
        self.address = address_of(self._key)
        self.user_id = ""
        self.wallet_id = ""
        self.access_token = ""
        self.refresh_token = ""

    def sign_in(self) -> "Person":
        """Prove the address, take the tokens, and find the default wallet."""
        nonce = self.post("/v1/auth/nonce", {"address": self.address, "chain_id": CHAIN_ID})
        signature = "0x" + sign(personal_digest(nonce["message"].encode()), self._key).hex()
        session = self.post("/v1/auth/sign-in", {"message": nonce["message"], "signature": signature})
        self.user_id = session["user_id"]
        self.access_token = session["access_token"]
        self.refresh_token = session["refresh_token"]
        self.wallet_id = self.get("/v1/wallets")["items"][0]["id"]
        return self

    def get(self, path: str) -> Any:
        """GET a resource. Raises httpx.HTTPStatusError for anything but a success."""
        return self._answer(self.request("GET", path))

    def post(self, path: str, body: Any = None, key: str | None = None) -> Any:
        """POST, with an idempotency key where one is given. Raises httpx.HTTPStatusError."""
        return self._answer(self.request("POST", path, body, key))

    def request(self, method: str, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
        """Any request, and whatever is answered."""
        headers = {"Authorization": f"Bearer {self.access_token}"} if self.access_token else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self._http.request(method, path, json=body, headers=headers)

    def balance(self, currency: str) -> int:
        """What the default wallet holds, in atomic units."""
        balances = self.get(f"/v1/wallets/{self.wallet_id}/balances")["balances"]
        return sum(int(balance["posted"]) for balance in balances if balance["currency"] == currency)

    def wait_for(self, path: str, field: str, wanted: Any, within_seconds: float = 20) -> Any:
        """Look at a resource until a field is as wanted. Raises TimeoutError, saying what it was instead."""
        until = time.monotonic() + within_seconds
        while True:
            seen = self.get(path)
            if seen[field] == wanted:
                return seen
            if time.monotonic() > until:
                raise TimeoutError(f"{path}: {field} is {seen[field]!r} after {within_seconds} s, not {wanted!r}")
            time.sleep(LOOK_SECONDS)

    @staticmethod
    def _answer(response: httpx.Response) -> Any:
        response.raise_for_status()
        return response.json() if response.content else None


def fresh_key() -> str:
    """An idempotency key for a new request."""
    return secrets.token_hex(16)
