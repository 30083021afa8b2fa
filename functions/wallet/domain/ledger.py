"""Double entry: transfers of at least two postings that sum to zero per currency, and accounts that stay covered."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Final, Literal

from functions.wallet.domain.errors import InsufficientFunds, NotReversible
from shared.money import fee

SYSTEM: Final = frozenset({"external", "escrow", "fees", "transit", "faucet", "losses"})
"""Accounts that every sale touches. They keep no running balance, or every sale would queue on them.

Each has a floor, which the database holds or the audit looks for:

fees      never below zero: what is not there would be paid out of what depositors own.
losses    no operator takes it below zero, for the same reason; only the chain does, which takes deposits back that were
          spent. What it is below zero, the house owes to the vault.
escrow    never below zero: each order pays out what it has paid in, once.
external  below zero by what has come from outside: the other side of what the vault keeps.
faucet    below zero by what it has issued, which nobody has paid in.
transit   below zero in the cell that a transfer between cells has reached; the other cell has the other half.
"""

HOUSE: Final = frozenset({"fees", "losses"})
"""The system accounts whose money is the house's own to give and take: no order, deposit or region waits for it."""

ADJUSTMENT: Final = "adjustment"
"""The kind of the transfers that operators make."""

REVERSIBLE: Final = frozenset({"transfer", "faucet", ADJUSTMENT})
"""The kinds of transfers that an operator may reverse: the other ones are steps of something that would not know."""


@dataclass(frozen=True, slots=True)
class Account:
    """A wallet's balance in one currency, in atomic units."""

    wallet_id: str
    currency: str
    posted: int = 0
    held: int = 0

    @property
    def available(self) -> int:
        """What may be spent or held."""
        return self.posted - self.held

    def holding(self, amount: int) -> "Account":
        """The account after setting an amount aside. Raises InsufficientFunds."""
        if amount > self.available:
            raise InsufficientFunds
        return replace(self, held=self.held + amount)


@dataclass(frozen=True, slots=True)
class Posting:
    """One leg of a transfer: a signed amount on a wallet or system account.

    unhold: how much of what was set aside on the account this leg uses up, in atomic units.
    in_place_of: the closed wallet that the money was for, where it is its owner's default wallet that has it instead.
    """

    account: str
    currency: str
    amount: int
    unhold: int = 0
    in_place_of: str = ""

    @property
    def system(self) -> bool:
        """Whether the account is the house's own."""
        return self.account in SYSTEM


@dataclass(frozen=True, slots=True)
class Transfer:
    """A movement of money. `order_id` makes it the only one of its kind for that order."""

    id: str
    kind: str
    postings: tuple[Posting, ...]
    created_at: datetime
    reference: str = ""
    order_id: str | None = None

    def __post_init__(self) -> None:
        """Raises ValueError when it would make or lose money: that is a defect, never a caller's mistake."""
        sums: dict[str, int] = defaultdict(int)
        for posting in self.postings:
            sums[posting.currency] += posting.amount
        if len(self.postings) < 2 or any(sums.values()):
            raise ValueError(f"transfer {self.id} does not balance: {dict(sums)}")


EscrowEnd = Literal["settled", "refunded"]


@dataclass(frozen=True, slots=True)
class Escrow:
    """The money of a paid order, in atomic units, until the merchant or again the buyer has it."""

    looked_after: ClassVar[Mapping[str, str]] = {"captured": "mature_orders"}
    ends: ClassVar[frozenset[str]] = frozenset({"settled", "refunded"})
    """Which row looks after it in each state that is no end, at a time that is stored; and the ends."""

    order_id: str
    currency: str
    amount: int
    status: Literal["captured"] | EscrowEnd


@dataclass(frozen=True, slots=True)
class Seal:
    """A link of the chain over the ledger: how many entries it covers, and its hash in hexadecimal."""

    number: int
    entries: int
    hash: str


def reversal(transfer: Transfer, transfer_id: str, at: datetime) -> Transfer:
    """The correction of a transfer: the same money the other way, once. Entries themselves are never changed.

    Raises NotReversible.
    """
    if transfer.kind not in REVERSIBLE:
        raise NotReversible
    return Transfer(
        id=transfer_id,
        kind="reversal",
        postings=tuple(Posting(leg.account, leg.currency, -leg.amount) for leg in transfer.postings),
        created_at=at,
        reference=transfer.id,
    )


def settlement(currency: str, escrowed: int, payouts: Sequence[tuple[str, int]], fee_bps: int) -> tuple[Posting, ...]:
    """The way of a sale's money out of escrow: to the merchant's wallets, less the house's fee on each part.

    escrowed: what the buyer paid. payouts: what each wallet is due before the fee, as (wallet id, amount).
    Raises ValueError when they differ: another sale's money would move, which is a defect.
    """
    if sum(amount for _, amount in payouts) != escrowed:
        raise ValueError(f"{escrowed} in escrow, {sum(amount for _, amount in payouts)} to pay out")
    fees = sum(fee(amount, fee_bps) for _, amount in payouts)
    legs = [("escrow", -escrowed), ("fees", fees)]
    legs += [(wallet_id, amount - fee(amount, fee_bps)) for wallet_id, amount in payouts]
    return tuple(Posting(account, currency, amount) for account, amount in legs if amount)


def redirected(postings: Sequence[Posting], receivers: Mapping[str, str]) -> tuple[Posting, ...]:
    """Postings, with what is for closed wallets credited to others in their place.

    receivers: by wallet id, the wallet that receives what is for it: itself while it is open.
    """
    return tuple(
        replace(leg, account=receivers[leg.account], in_place_of=leg.account)
        if leg.amount > 0 and receivers.get(leg.account, leg.account) != leg.account
        else leg
        for leg in postings
    )
