"""The facts of the wallet service; shared/contracts/wallet_events.proto is their contract."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from shared.money import Amount, SignedAmount

NOTHING: Final = Amount(0)


@dataclass(frozen=True, slots=True)
class WalletOpened:
    """A user has a wallet."""

    type: ClassVar[str] = "wallet.opened"
    wallet_id: str
    user_id: str
    address: str
    chain_id: int


@dataclass(frozen=True, slots=True)
class WalletLinked:
    """A user has proven to own a further address, and has a wallet for it."""

    type: ClassVar[str] = "wallet.linked"
    wallet_id: str
    user_id: str
    address: str
    chain_id: int


@dataclass(frozen=True, slots=True)
class WalletClosed:
    """A wallet takes no more money."""

    type: ClassVar[str] = "wallet.closed"
    wallet_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class HoldPlaced:
    """Funds are set aside for an order."""

    type: ClassVar[str] = "hold.placed"
    hold_id: str
    order_id: str
    wallet_id: str
    user_id: str
    currency: str
    amount: Amount
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class HoldCaptured:
    """The order was paid from what was set aside: the pivot of a purchase."""

    type: ClassVar[str] = "hold.captured"
    hold_id: str
    order_id: str
    wallet_id: str
    user_id: str
    currency: str
    amount: Amount
    transfer_id: str


@dataclass(frozen=True, slots=True)
class HoldReleased:
    """The funds are available again; of a hold that was never placed, only its ids are known."""

    type: ClassVar[str] = "hold.released"
    hold_id: str
    order_id: str
    reason: str
    wallet_id: str = ""
    user_id: str = ""
    currency: str = ""
    amount: Amount = NOTHING


@dataclass(frozen=True, slots=True)
class PostedPosting:
    """One leg of a transfer; `user_id` is whose wallet it is, empty for an account of the house's.

    in_place_of: the closed wallet that the money was for; empty where it was for this account.
    """

    account: str
    currency: str
    amount: SignedAmount
    user_id: str
    in_place_of: str


@dataclass(frozen=True, slots=True)
class TransferPosted:
    """Money moved."""

    type: ClassVar[str] = "transfer.posted"
    transfer_id: str
    kind: str
    reference: str
    postings: list[PostedPosting]
    user_ids: list[str]


@dataclass(frozen=True, slots=True)
class DepositCredited:
    """Money arrived on the chain, has its confirmations, and is the wallet's.

    in_place_of: the closed wallet that it was sent to, whose owner's default wallet has it; empty for none.
    """

    type: ClassVar[str] = "deposit.credited"
    deposit_id: str
    wallet_id: str
    user_id: str
    currency: str
    amount: Amount
    chain_id: int
    transaction_hash: str
    transfer_id: str
    in_place_of: str


@dataclass(frozen=True, slots=True)
class WithdrawalRequested:
    """Somebody asked for money to be sent; it is set aside."""

    type: ClassVar[str] = "withdrawal.requested"
    withdrawal_id: str
    wallet_id: str
    user_id: str
    currency: str
    amount: Amount
    fee: Amount
    to_address: str
    chain_id: int


@dataclass(frozen=True, slots=True)
class WithdrawalSent:
    """The network has the first transaction of it; another with higher fees may take its place."""

    type: ClassVar[str] = "withdrawal.sent"
    withdrawal_id: str
    wallet_id: str
    user_id: str
    currency: str
    amount: Amount
    fee: Amount
    to_address: str
    chain_id: int
    transaction_hash: str


@dataclass(frozen=True, slots=True)
class WithdrawalMined:
    """The recipient has it, with its confirmations."""

    type: ClassVar[str] = "withdrawal.mined"
    withdrawal_id: str
    wallet_id: str
    user_id: str
    currency: str
    amount: Amount
    fee: Amount
    to_address: str
    chain_id: int
    transaction_hash: str


@dataclass(frozen=True, slots=True)
class WithdrawalFailed:
    """It will not happen; the money is available again."""

    type: ClassVar[str] = "withdrawal.failed"
    withdrawal_id: str
    wallet_id: str
    user_id: str
    currency: str
    amount: Amount
    fee: Amount
    to_address: str
    chain_id: int
    reason: str
