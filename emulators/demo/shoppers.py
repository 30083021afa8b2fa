"""The load of the drill: shoppers who order, claim and withdraw, and probes that write again and again.

They behave as clients do: a request that fails is sent again with its key. They note what was acknowledged to them, and
when, so that afterwards it can be told what a failover has undone.
"""

import contextlib
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx

from emulators.demo.api_user import ApiUser, fresh_key
from shared.chain.ethereum import checksum_address
from shared.client.python.meridian_client.errors import ApiError
from shared.client.python.meridian_client.meridian import UNPAID

FUNDS: Final = 100_000_000
WITHDRAWN: Final = 1000
PROBE_SECONDS: Final = 0.5
POLL_SECONDS: Final = 0.5
THINKING_SECONDS: Final = 1.0
"""How long a shopper thinks between two purchases: as many without a pause would take all of a laptop's processors."""
NOT_FOUND: Final = 404


@dataclass
class Acknowledged:
    """What was acknowledged to one shopper: ids, and when by the monotonic clock."""

    orders: dict[str, float] = field(default_factory=dict)
    withdrawals: dict[str, float] = field(default_factory=dict)
    vouchers: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The signatures of the vouchers that each order was claimed with."""


class Shopper(threading.Thread):
    """Buys one unit after the other until it is told to stop or all is sold out."""

    def __init__(self, user: ApiUser, supplies: Sequence[str], stop: threading.Event) -> None:
        """user: signed in. supplies: what there is to buy."""
        super().__init__(name=f"shopper {user.user_id}", daemon=True)
        self.user = user
        self.to = checksum_address("0x" + secrets.token_hex(20))
        """Where the money is withdrawn to: an address of its own."""
        self.seen = Acknowledged()
        self._supplies = supplies
        self._stop_shopping = stop

    def fund(self) -> None:
        """Get money from the faucet. Raises httpx.HTTPError."""
        body = {"wallet_id": self.user.wallet_id, "currency": "USDC", "amount": str(FUNDS)}
        self.user.post("/v1/local/faucet", body)

    def run(self) -> None:
        """Until the end of the load."""
        while not self._stop_shopping.is_set():
            with contextlib.suppress(httpx.HTTPError, ApiError):  # it goes on with the next unit
                self.buy(secrets.choice(self._supplies))
            self._stop_shopping.wait(THINKING_SECONDS)

    def buy(self, supply_id: str) -> str:
        """Buy a unit, withdraw something, and claim. The order's id; empty if there was none. Raises as requests do."""
        body = {"wallet_id": self.user.wallet_id, "items": [{"supply_id": supply_id, "quantity": 1}]}
        placed = self.user.send_with_retries("POST", "/v1/orders", body, fresh_key())
        if placed.status_code != httpx.codes.CREATED:
            self._stop_shopping.wait(POLL_SECONDS)
            return ""
        order_id = placed.json()["id"]
        self.seen.orders[order_id] = time.monotonic()
        self._withdraw()
        while not self._stop_shopping.is_set():
            found = self.user.send_with_retries("GET", f"/v1/orders/{order_id}")
            if found.status_code == NOT_FOUND or found.json()["status"] not in UNPAID:
                break
            self._stop_shopping.wait(POLL_SECONDS)
        self.claim(order_id)
        return str(order_id)

    def _withdraw(self) -> None:
        body = {"wallet_id": self.user.wallet_id, "currency": "USDC", "amount": str(WITHDRAWN), "to_address": self.to}
        made = self.user.send_with_retries("POST", "/v1/withdrawals", body, fresh_key())
        if made.is_success:
            self.seen.withdrawals[made.json()["id"]] = time.monotonic()

    def claim(self, order_id: str) -> None:
        """Claim an order twice, as a client that has lost the answer, and keep what it was given."""
        for _ in range(2):
            claimed = self.user.send_with_retries("POST", "/v1/claims", {"order_id": order_id})
            if claimed.is_success:
                self.seen.vouchers[order_id].add(claimed.json()["voucher"]["signature"])


class Probe(threading.Thread):
    """Does one small thing again and again, and notes when that failed and when it did not."""

    def __init__(self, user: ApiUser, ask: Callable[[ApiUser], httpx.Response], stop: threading.Event) -> None:
        """ask: does it, once."""
        super().__init__(name=f"probe {user.user_id}", daemon=True)
        self.user = user
        self.answers: list[tuple[float, bool]] = []
        """When each answer came, by the monotonic clock, and whether it was a success."""
        self._ask = ask
        self._stop_probing = stop

    def run(self) -> None:
        """Until the end of the load."""
        while not self._stop_probing.wait(PROBE_SECONDS):
            try:
                good = self._ask(self.user).is_success
            except httpx.HTTPError:
                good = False
            self.answers.append((time.monotonic(), good))

    def first_success(self, since: float) -> float | None:
        """When it first succeeded again after a time; None if it has not."""
        return next((at for at, good in list(self.answers) if good and at >= since), None)

    def last_failure(self, since: float) -> float | None:
        """When it last failed after a time; None if it has not."""
        return next((at for at, good in reversed(list(self.answers)) if not good and at >= since), None)


def rename(user: ApiUser) -> httpx.Response:
    """A small write."""
    return user.request("PATCH", f"/v1/wallets/{user.wallet_id}", {"name": secrets.token_hex(4)})


def claiming(order_id: str) -> Callable[[ApiUser], httpx.Response]:
    """Claims an order that is claimed already: its voucher leaves the cell once more."""
    return lambda user: user.request("POST", "/v1/claims", {"order_id": order_id})
