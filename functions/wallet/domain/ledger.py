"""Double entry: transfers of at least two postings that sum to zero per currency, and accounts that stay covered."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Final, Literal

from functions.wallet.domain.errors import InsufficientFunds, NotReversible
from shared.money import fee

SYSTEM_ACCOUNTS: Final = frozenset({"external", "escrow", "fees", "transit", "faucet", "losses"})
"""The system accounts. They keep no running balance, because every sale would then wait for their row locks.

Each has a floor, which the database enforces or the audit checks:

fees      never below zero: a deficit would be paid out of the depositors' money.
losses    no operator can take it below zero, for the same reason; only the reversal of an orphaned deposit that was
          already spent can. A deficit is what the platform owes to the vault.
escrow    never below zero: each order pays out what was paid in for it, once.
external  negative by what was deposited from outside: the counterpart of what the vault holds.
faucet    negative by what it has issued, which nobody has paid in.
transit   no longer used: money between cells is in accounts of its own (TRANSIT).
"""

TRANSIT: Final = "transit:"
"""The beginning of the system accounts of what this cell has sent to another and received from it, one for each cell.

They have no floor: what the accounts of two cells for each other have together is under way, so never below zero.
"""

PLATFORM_ACCOUNTS: Final = frozenset({"fees", "losses"})
"""The system accounts that hold the platform's own money, so that operators may post to them."""

ADJUSTMENT: Final = "adjustment"
"""The kind of transfers made by operators."""

REVERSIBLE: Final = frozenset({"transfer", "faucet", ADJUSTMENT})
"""The kinds of transfers that an operator may reverse. Others are steps of an order, a deposit or a withdrawal."""


@dataclass(frozen=True, slots=True)
class Account:
    """A wallet's balance in one currency, in atomic units."""

    wallet_id: str
    currency: str
    posted: int = 0
    held: int = 0

    @property
    def available(self) -> int:
        """What may be spent or held: posted - held."""
        return self.posted - self.held

    def holding(self, amount: int) -> "Account":
        """The account with a further amount held. Raises InsufficientFunds."""
        if amount > self.available:
            raise InsufficientFunds
        return replace(self, held=self.held + amount)


@dataclass(frozen=True, slots=True)
class Posting:
    """One leg of a transfer: a signed amount on a wallet or system account.

    unhold: by how much this leg reduces the held amount of the account, in atomic units.
    in_place_of: the closed wallet that the money was meant for, if its owner's default wallet is credited instead.
    counterpart: the wallet of another cell that a transit account stands for, if one pays or is paid.
    """

    account: str
    currency: str
    amount: int
    unhold: int = 0
    in_place_of: str = ""
    counterpart: str = ""

    @property
    def system(self) -> bool:
        """Whether the account is a system account."""
        return self.account in SYSTEM_ACCOUNTS or self.crosses

    @property
    def crosses(self) -> bool:
        """Whether the other side of it is in another cell."""
        return self.account.startswith(TRANSIT)


@dataclass(frozen=True, slots=True)
class Transfer:
    """A balanced set of postings. With an `order_id` it is the only one of its kind for that order."""

    id: str
    kind: str
    postings: tuple[Posting, ...]
    created_at: datetime
    reference: str = ""
    order_id: str | None = None

    def __post_init__(self) -> None:
        """Raises ValueError when it does not balance: that is a defect, never a caller's mistake."""
        sums: dict[str, int] = defaultdict(int)
        for posting in self.postings:
            sums[posting.currency] += posting.amount
        if len(self.postings) < 2 or any(sums.values()):
            raise ValueError(f"transfer {self.id} does not balance: {dict(sums)}")


EscrowEnd = Literal["settled", "refunded"]


@dataclass(frozen=True, slots=True)
class Escrow:
    """The money of a paid order, in atomic units, until it is paid to the merchant or refunded to the buyer."""

    looked_after: ClassVar[Mapping[str, str]] = {"captured": "mature_orders"}
    ends: ClassVar[frozenset[str]] = frozenset({"settled", "refunded"})
    """The scheduled job that handles each non-final state, at a stored time; and the final states."""

    order_id: str
    currency: str
    amount: int
    status: Literal["captured"] | EscrowEnd


@dataclass(frozen=True, slots=True)
class Seal:
    """A link of the hash chain over the ledger: how many entries it covers, and its hash in hexadecimal."""

    number: int
    entries: int
    hash: str


def reversal(transfer: Transfer, transfer_id: str, at: datetime) -> Transfer:
    """The transfer that reverses another, with all amounts negated. Entries themselves are never changed.

    Raises NotReversible, also for one whose other half is in another cell.
    """
    if transfer.kind not in REVERSIBLE or any(leg.crosses for leg in transfer.postings):
        raise NotReversible
    return Transfer(
        id=transfer_id,
        kind="reversal",
        postings=tuple(Posting(leg.account, leg.currency, -leg.amount) for leg in transfer.postings),
        created_at=at,
        reference=transfer.id,
    )


def settlement(currency: str, escrowed: int, payouts: Sequence[tuple[str, int]], fee_bps: int) -> tuple[Posting, ...]:
    """The postings that settle a sale out of escrow: to the merchant's wallets, less the fee on each part.

    escrowed: what the buyer paid. payouts: what each wallet is due before the fee, as (wallet id, amount).
    Raises ValueError when the sums differ: another sale's money would move, which is a defect.
    """
    if sum(amount for _, amount in payouts) != escrowed:
        raise ValueError(f"{escrowed} in escrow, {sum(amount for _, amount in payouts)} to pay out")
    fees = sum(fee(amount, fee_bps) for _, amount in payouts)
    legs = [("escrow", -escrowed), ("fees", fees)]
    legs += [(wallet_id, amount - fee(amount, fee_bps)) for wallet_id, amount in payouts]
    return tuple(Posting(account, currency, amount) for account, amount in legs if amount)


def redirected(postings: Sequence[Posting], recipients: Mapping[str, str]) -> tuple[Posting, ...]:
    """The postings, with credits to closed wallets redirected to other wallets.

    recipients: the wallet that is credited instead of each, by wallet id: itself while it is open.
    """
    return tuple(
        replace(leg, account=recipients[leg.account], in_place_of=leg.account)
        if leg.amount > 0 and recipients.get(leg.account, leg.account) != leg.account
        else leg
        for leg in postings
    )
