"""The client of an integrator: Meridian's API with a session, retries, and waiting for what happens later."""

import os
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Literal, Self

import httpx
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    Retrying,
    retry_if_result,
    stop_after_delay,
    wait_random_exponential,
)

from .api import Client, Order, Tokens
from .async_api import AsyncClient
from .errors import OrderEnded
from .retries import Retries
from .session import Session

LOCAL: Final = "http://127.0.0.1:8080"
TIMEOUT_SECONDS: Final = 30.0
"""Of one attempt; longer than the longest that Meridian takes to answer, a long poll of 20 s."""

LOCAL_CHAIN: Final = 31337
UNPAID: Final = ("pending", "confirmed")
PAID: Final = ("paid", "claimed", "completed")

Person = Literal["buyer", "merchant", "operator"]
Sign = Callable[[str], str]
"""Signs an EIP-4361 message with an Ethereum key (EIP-191) and returns the signature, as 0x and hexadecimal digits."""


class Meridian(Client):
    """A user of the API: `Meridian(url).log_in(address, sign)`. Close it, or use it in a `with` block."""

    def __init__(
        self,
        base_url: str | None = None,
        tokens: Tokens | None = None,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """
        base_url: of the API; by default the variable MERIDIAN_URL, else a stack on this machine.
        tokens: of a user who has signed in before. retries: by default those of Retries().
        transport: how requests are sent, instead of httpx's own.
        """
        self.http = httpx.Client(base_url=_base(base_url), timeout=TIMEOUT_SECONDS, transport=transport)
        super().__init__(self.http.request, retries or Retries())
        if tokens:
            self.use(tokens)

    def use(self, tokens: Tokens) -> Self:
        """Be the user with these tokens from now on, and refresh them before they expire."""
        self.http.auth = Session(self.http.base_url, tokens)
        return self

    def log_in(self, address: str, sign: Sign, chain_id: int = LOCAL_CHAIN) -> Self:
        """Sign in as the holder of an address. Raises ApiError."""
        nonce = self.issue_nonce(address=address, chain_id=chain_id)
        return self.use(self.sign_in(message=nonce.message, signature=sign(nonce.message)))

    def log_in_locally(self, person: Person) -> Self:
        """Sign in as one of the people of a local stack. Raises ApiError; elsewhere there are none (404)."""
        return self.use(self.create_local_token(person=person))

    def wait_until_paid(self, order_id: str, within_seconds: float = 60.0) -> Order:
        """Wait until an order is paid, and return it: then it can be claimed.

        Raises OrderEnded if it failed, expired, was cancelled or refunded, TimeoutError, and what get_order does.
        """
        order: Order = Retrying(**_polling(within_seconds))(self.get_order, order_id=order_id)
        return _paid(order)

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncMeridian(AsyncClient):
    """As Meridian, with coroutines: `await AsyncMeridian(url).log_in(address, sign)`."""

    def __init__(
        self,
        base_url: str | None = None,
        tokens: Tokens | None = None,
        retries: Retries | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """As Meridian's."""
        self.http = httpx.AsyncClient(base_url=_base(base_url), timeout=TIMEOUT_SECONDS, transport=transport)
        super().__init__(self.http.request, retries or Retries())
        if tokens:
            self.use(tokens)

    def use(self, tokens: Tokens) -> Self:
        """As Meridian's."""
        self.http.auth = Session(self.http.base_url, tokens)
        return self

    async def log_in(self, address: str, sign: Sign, chain_id: int = LOCAL_CHAIN) -> Self:
        """As Meridian's."""
        nonce = await self.issue_nonce(address=address, chain_id=chain_id)
        return self.use(await self.sign_in(message=nonce.message, signature=sign(nonce.message)))

    async def log_in_locally(self, person: Person) -> Self:
        """As Meridian's."""
        return self.use(await self.create_local_token(person=person))

    async def wait_until_paid(self, order_id: str, within_seconds: float = 60.0) -> Order:
        """As Meridian's."""
        order: Order = await AsyncRetrying(**_polling(within_seconds))(self.get_order, order_id=order_id)
        return _paid(order)

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _base(url: str | None) -> str:
    return url or os.environ.get("MERIDIAN_URL") or LOCAL


def _polling(within_seconds: float) -> dict[str, Any]:
    """How an order is looked at until it is paid or has ended: soon at first, then every two seconds."""

    def late(state: RetryCallState) -> Order:
        assert state.outcome is not None
        order: Order = state.outcome.result()
        raise TimeoutError(f"{order.id} is still {order.status} after {within_seconds} s")

    return {
        "retry": retry_if_result(lambda order: order.status in UNPAID),
        "wait": wait_random_exponential(multiplier=0.2, min=0.1, max=2),
        "stop": stop_after_delay(within_seconds),
        "retry_error_callback": late,
    }


def _paid(order: Order) -> Order:
    if order.status not in PAID:
        raise OrderEnded(order)
    return order
