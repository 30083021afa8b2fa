"""Custody: deposits from the chain into wallets, and withdrawals out of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, Literal

from functions.wallet.domain.ledger import Account, Posting, Transfer
from shared.chain.core.values import BlockRef

DepositStatus = Literal["credited", "reversed", "unattributed"]
WithdrawalStatus = Literal["requested", "sent", "mined", "failed"]


@dataclass(frozen=True, slots=True)
class DepositAddress:
    """The address to which deposits for a wallet are sent. key: the wallet's key in the vault contract."""

    wallet_id: str
    key: bytes


@dataclass(frozen=True, slots=True)
class Arrival:
    """A deposit as the chain reports it. position: its index among the deposits of its transaction.

    A transaction that is mined again in another block keeps its hash, and its deposits keep their positions.
    """

    chain_id: int
    transaction_hash: str
    position: int
    place: BlockRef
    wallet_key: bytes
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class Owner:
    """The wallet and user that receive a deposit. in_place_of: see Deposit."""

    wallet_id: str
    user_id: str
    in_place_of: str = ""


@dataclass(frozen=True, slots=True)
class Deposit:
    """A booked arrival; unattributed until it can be credited: there may be no wallet yet, or its balance may overflow.

    orphaned: whether its block is no longer part of the canonical chain (the column is called `doubted`).
    in_place_of: the closed wallet it was sent to, if its owner's default wallet is credited instead.
    """

    looked_after: ClassVar[Mapping[str, str]] = {"unattributed": "watch_deposits"}
    ends: ClassVar[frozenset[str]] = frozenset({"credited", "reversed"})
    """The scheduled job that handles each non-final state, at a stored time; and the final states."""

    id: str
    arrival: Arrival
    wallet_id: str
    user_id: str
    status: DepositStatus
    transfer_id: str
    version: int
    orphaned: bool = False
    in_place_of: str = ""

    def stands(self, arrival: Arrival) -> bool:
        """Whether it equals what the chain reports now, in any block, and is not reversed."""
        return self.status != "reversed" and replace(self.arrival, place=arrival.place) == arrival


def deposit_credit(deposit: Deposit, at: datetime) -> Transfer:
    """The transfer that credits a deposit: from `external` to its wallet."""
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


def deposit_reversal(deposit: Deposit, account: Account, transfer_id: str, at: datetime) -> Transfer:
    """The reversal of an orphaned deposit; the part that the wallet has already spent is booked to `losses`."""
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
class WithdrawalTerms:
    """The terms of withdrawals in a currency, in its atomic units.

    minimum: the least amount, so that a transaction does not cost more than it carries. fee: charged on top of the
    amount.
    """

    minimum: int
    fee: int


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A payment from a wallet to an address (EIP-55), which receives the amount; the fee is charged on top."""

    looked_after: ClassVar[Mapping[str, str]] = {"requested": "send_withdrawals", "sent": "track_withdrawals"}
    ends: ClassVar[frozenset[str]] = frozenset({"mined", "failed"})
    """The scheduled job that handles each non-final state, at a stored time; and the final states."""

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
        """What is taken from the wallet: amount and fee."""
        return self.amount + self.fee

    @property
    def ended(self) -> bool:
        """Whether it is in a final state."""
        return self.status in ("mined", "failed")

    def sent(self, transaction_hash: str, at: datetime) -> "Withdrawal":
        """The withdrawal, once its first transaction was broadcast."""
        return self._next("sent", at, transaction_hash=transaction_hash)

    def mined(self, transaction_hash: str, at: datetime) -> "Withdrawal":
        """The withdrawal, once its payment is confirmed."""
        return self._next("mined", at, transaction_hash=transaction_hash)

    def failed(self, failure: str, at: datetime) -> "Withdrawal":
        """The withdrawal, failed for good."""
        return self._next("failed", at, failure=failure)

    def _next(self, status: WithdrawalStatus, at: datetime, **changes: Any) -> "Withdrawal":
        return replace(self, status=status, version=self.version + 1, updated_at=at, **changes)


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A withdrawal that is to fail: once its payment is cancelled in the vault, which decides whether it was paid.

    failure: why. attempts: how many transactions to cancel it were signed before.
    """

    withdrawal: Withdrawal
    failure: str
    attempts: int

    @property
    def subject(self) -> str:
        """The subject of the next call that cancels it: what a transaction came to nothing for is called anew."""
        return f"{self.withdrawal.id}#{self.attempts + 1}"


def cancelled_by(subject: str) -> str:
    """The id of the withdrawal that a call with this subject cancels."""
    return subject.partition("#")[0]


def withdrawal_transfer(withdrawal: Withdrawal, transfer_id: str, at: datetime) -> Transfer:
    """The transfer of a withdrawal: amount to `external` and fee to `fees`, out of its hold."""
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
