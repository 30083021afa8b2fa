"""Holds: funds set aside for an order or a withdrawal, captured or released once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from functions.wallet.domain.errors import CaptureTooLarge, HoldEnded, InsufficientFunds
from functions.wallet.domain.ledger import Account, Posting
from functions.wallet.domain.wallet import Wallet

HoldStatus = Literal["placed", "captured", "released"]


@dataclass(frozen=True, slots=True)
class Hold:
    """Funds of a wallet set aside until `expires_at`; once its order is confirmed it is `firm` and does not expire.

    order_id: empty for a hold that belongs to no order. payout_wallet_ids: the wallets that the order will be paid out
    to; set only while the hold is being placed.
    """

    looked_after: ClassVar[Mapping[str, str]] = {"placed": "sweep_holds"}
    ends: ClassVar[frozenset[str]] = frozenset({"captured", "released"})
    """The scheduled job that handles each non-final state, at a stored time; and the final states."""

    id: str
    order_id: str
    wallet_id: str
    user_id: str
    currency: str
    amount: int
    expires_at: datetime
    status: HoldStatus = "placed"
    firm: bool = False
    version: int = 1
    payout_wallet_ids: tuple[str, ...] = ()

    def lapsed(self, now: datetime) -> bool:
        """Whether it has expired and belongs to no order, so that nobody else decides about it."""
        return not self.order_id and not self.firm and self.expires_at <= now

    def capture(self, amount: int, now: datetime) -> tuple[Posting, int]:
        """The posting that pays an amount of it, and what is released. Raises HoldEnded, CaptureTooLarge."""
        if self.status != "placed" or self.lapsed(now):
            raise HoldEnded
        if not 0 < amount <= self.amount:
            raise CaptureTooLarge
        return Posting(self.wallet_id, self.currency, -amount, unhold=self.amount), self.amount - amount


@dataclass(frozen=True, slots=True)
class Capture:
    """How much of a hold was paid, by which transfer; the rest was released."""

    hold: Hold
    transfer_id: str
    amount: int


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """A request to place a hold."""

    id: str
    order_id: str
    wallet_id: str
    currency: str
    amount: int
    expires_at: datetime
    payout_wallet_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Placement:
    """The outcome of a batch. placed: the holds to place. refused: by hold id, the code and detail of the refusal."""

    placed: tuple[Hold, ...]
    refused: Mapping[str, tuple[str, str]]


def place(
    requests: Sequence[HoldRequest], wallets: Mapping[str, Wallet], accounts: Mapping[tuple[str, str], Account]
) -> Placement:
    """Decide the requests in order, each against what the earlier ones leave; a refusal does not affect the others."""
    left = dict(accounts)
    placed: list[Hold] = []
    refused: dict[str, tuple[str, str]] = {}
    for request in requests:
        wallet = wallets.get(request.wallet_id)
        if wallet is None or not wallet.open:
            refused[request.id] = ("WALLET_CLOSED", "The wallet is closed.")
            continue
        account = left.get((request.wallet_id, request.currency), Account(request.wallet_id, request.currency))
        try:
            left[request.wallet_id, request.currency] = account.holding(request.amount)
        except InsufficientFunds as error:
            refused[request.id] = (error.code, error.detail)
            continue
        placed.append(
            Hold(
                id=request.id,
                order_id=request.order_id,
                wallet_id=request.wallet_id,
                user_id=wallet.user_id,
                currency=request.currency,
                amount=request.amount,
                expires_at=request.expires_at,
                payout_wallet_ids=request.payout_wallet_ids,
            )
        )
    return Placement(tuple(placed), refused)
