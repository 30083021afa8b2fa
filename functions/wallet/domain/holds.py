"""Holds: funds set aside for an order, captured or released once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from functions.wallet.domain.errors import CaptureTooLarge, HoldEnded, InsufficientFunds
from functions.wallet.domain.ledger import Account, Posting
from functions.wallet.domain.wallet import Wallet

Status = Literal["placed", "captured", "released"]


@dataclass(frozen=True, slots=True)
class Hold:
    """Funds of a wallet set aside for an order until a time; `firm` once the order is confirmed, beyond that time.

    payout_wallet_ids: the wallets that the order pays out to, known while it is placed.
    """

    looked_after: ClassVar[Mapping[str, str]] = {"placed": "sweep_holds"}
    ends: ClassVar[frozenset[str]] = frozenset({"captured", "released"})
    """Which row looks after it in each state that is no end, at a time that is stored; and the ends."""

    id: str
    order_id: str
    wallet_id: str
    user_id: str
    currency: str
    amount: int
    expires_at: datetime
    status: Status = "placed"
    firm: bool = False
    version: int = 1
    payout_wallet_ids: tuple[str, ...] = ()

    def lapsed(self, now: datetime) -> bool:
        """Whether its time is over, and no order decides about it."""
        return not self.order_id and not self.firm and self.expires_at <= now

    def capture(self, amount: int, now: datetime) -> tuple[Posting, int]:
        """The leg that pays an amount of it, and what goes back to the wallet. Raises HoldEnded, CaptureTooLarge."""
        if self.status != "placed" or self.lapsed(now):
            raise HoldEnded
        if not 0 < amount <= self.amount:
            raise CaptureTooLarge
        return Posting(self.wallet_id, self.currency, -amount, unhold=self.amount), self.amount - amount


@dataclass(frozen=True, slots=True)
class Wanted:
    """A hold that an order asks for."""

    id: str
    order_id: str
    wallet_id: str
    currency: str
    amount: int
    expires_at: datetime
    payout_wallet_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Placing:
    """The outcome of a batch: the holds to place, and why others are refused (by hold id: code and detail)."""

    placed: tuple[Hold, ...]
    refused: Mapping[str, tuple[str, str]]


def place(
    wanted: Sequence[Wanted], wallets: Mapping[str, Wallet], accounts: Mapping[tuple[str, str], Account]
) -> Placing:
    """Decide each wanted hold in turn against what the ones before it leave; one refusal does not touch the others."""
    left = dict(accounts)
    placed: list[Hold] = []
    refused: dict[str, tuple[str, str]] = {}
    for want in wanted:
        wallet = wallets.get(want.wallet_id)
        if wallet is None or not wallet.open:
            refused[want.id] = ("WALLET_CLOSED", "The wallet is closed.")
            continue
        account = left.get((want.wallet_id, want.currency), Account(want.wallet_id, want.currency))
        try:
            left[want.wallet_id, want.currency] = account.holding(want.amount)
        except InsufficientFunds as error:
            refused[want.id] = (error.code, error.detail)
            continue
        placed.append(
            Hold(
                id=want.id,
                order_id=want.order_id,
                wallet_id=want.wallet_id,
                user_id=wallet.user_id,
                currency=want.currency,
                amount=want.amount,
                expires_at=want.expires_at,
                payout_wallet_ids=want.payout_wallet_ids,
            )
        )
    return Placing(tuple(placed), refused)
