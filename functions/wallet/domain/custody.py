"""Money on its chain: what has arrived for wallets, what leaves them, and the transactions that carry it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, Literal

from functions.wallet.domain.ledger import Account, Posting, Transfer
from shared.chains import Place

DepositStatus = Literal["credited", "reversed", "unattributed"]
WithdrawalStatus = Literal["requested", "sent", "mined", "failed"]


@dataclass(frozen=True, slots=True)
class DepositAddress:
    """Where funds for a wallet go. `key`: the wallet, as the vault knows it."""

    wallet_id: str
    key: bytes


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the chain says has arrived in the vault. `position`: its place among the deposits of its transaction.

    A transaction that is mined again in another block keeps its hash, and its deposits their positions.
    """

    chain_id: int
    transaction_hash: str
    position: int
    place: Place
    wallet_key: bytes
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a deposit is. in_place_of: as a Deposit has it."""

    wallet_id: str
    user_id: str
    in_place_of: str = ""


@dataclass(frozen=True, slots=True)
class Deposit:
    """An arrival as it was booked; unattributed until it is credited, for want of a wallet or of room in it.

    doubted: whether the chain no longer has the block in which it came.
    in_place_of: the closed wallet that it was sent to, where its owner's default wallet has it instead.
    """

    looked_after: ClassVar[Mapping[str, str]] = {"unattributed": "watch_deposits"}
    ends: ClassVar[frozenset[str]] = frozenset({"credited", "reversed"})
    """Which row looks after it in each state that is no end, at a time that is stored; and the ends."""

    id: str
    arrival: Arrival
    wallet_id: str
    user_id: str
    status: DepositStatus
    transfer_id: str
    version: int
    doubted: bool = False
    in_place_of: str = ""

    def stands(self, arrival: Arrival) -> bool:
        """Whether it is exactly what the chain says now, in whichever block."""
        return self.status != "reversed" and replace(self.arrival, place=arrival.place) == arrival


def credit(deposit: Deposit, at: datetime) -> Transfer:
    """The movement of a deposit's money from outside to its wallet."""
    arrival = deposit.arrival
    return Transfer(
        id=deposit.transfer_id,
        kind="deposit",
        postings=(
            Posting("external", arrival.currency, -arrival.amount),
            Posting(deposit.wallet_id, arrival.currency, arrival.amount, in_place_of=deposit.in_place_of),
        ),
        created_at=at,
        reference=deposit.id,
    )


def taken_back(deposit: Deposit, account: Account, transfer_id: str, at: datetime) -> Transfer:
    """The reversal of a deposit that the chain has forgotten; what the wallet has spent of it is the house's loss."""
    arrival = deposit.arrival
    available = min(account.available, arrival.amount)
    legs = [(deposit.wallet_id, -available), ("losses", available - arrival.amount), ("external", arrival.amount)]
    return Transfer(
        id=transfer_id,
        kind="reversal",
        postings=tuple(Posting(name, arrival.currency, amount) for name, amount in legs if amount),
        created_at=at,
        reference=deposit.transfer_id,
    )


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a currency leaves, in its atomic units.

    least: what a withdrawal is of at least, lest its transaction cost more than it carries. fee: the house's part,
    beside the amount.
    """

    least: int
    fee: int


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Money on its way out of a wallet to an address, in EIP-55 form: that gets the amount, and the house the fee."""

    looked_after: ClassVar[Mapping[str, str]] = {"requested": "send_withdrawals", "sent": "track_withdrawals"}
    ends: ClassVar[frozenset[str]] = frozenset({"mined", "failed"})
    """Which row looks after it in each state that is no end, at a time that is stored; and the ends."""

    id: str
    wallet_id: str
    user_id: str
    currency: str
    amount: int
    to_address: str
    chain_id: int
    hold_id: str
    created_at: datetime
    updated_at: datetime
    fee: int = 0
    status: WithdrawalStatus = "requested"
    transaction_hash: str = ""
    failure: str = ""
    version: int = 1

    @property
    def total(self) -> int:
        """What it takes from its wallet."""
        return self.amount + self.fee

    @property
    def ended(self) -> bool:
        """Whether nothing becomes of it any more."""
        return self.status in ("mined", "failed")

    def sent(self, transaction_hash: str, at: datetime) -> "Withdrawal":
        """The network has it."""
        return self._next("sent", at, transaction_hash=transaction_hash)

    def mined(self, transaction_hash: str, at: datetime) -> "Withdrawal":
        """The recipient has it."""
        return self._next("mined", at, transaction_hash=transaction_hash)

    def failed(self, failure: str, at: datetime) -> "Withdrawal":
        """It will not happen."""
        return self._next("failed", at, failure=failure)

    def _next(self, status: WithdrawalStatus, at: datetime, **changes: Any) -> "Withdrawal":
        return replace(self, status=status, version=self.version + 1, updated_at=at, **changes)


def paid_out(withdrawal: Withdrawal, transfer_id: str, at: datetime) -> Transfer:
    """The movement of a withdrawal's money, out of what was set aside for it, and of the house's fee."""
    currency, fee = withdrawal.currency, withdrawal.fee
    return Transfer(
        id=transfer_id,
        kind="withdrawal",
        postings=(
            Posting(withdrawal.wallet_id, currency, -withdrawal.total, unhold=withdrawal.total),
            Posting("external", currency, withdrawal.amount),
            *((Posting("fees", currency, fee),) if fee else ()),
        ),
        created_at=at,
        reference=withdrawal.id,
    )
