"""The events of the wallet service; their contract is shared/contracts/wallet_events.proto."""

from datetime import datetime
from typing import ClassVar, Final

import msgspec

from shared.money import Amount, SignedAmount

NOTHING: Final = Amount(0)


class WalletOpened(msgspec.Struct, frozen=True):
    """A wallet was opened."""

    type: ClassVar[str] = "wallet.opened"
    wallet_id: str
    user_id: str
    address: str
    chain_id: int


class WalletLinked(msgspec.Struct, frozen=True):
    """A wallet was opened for a further address that its user has proven to own."""

    type: ClassVar[str] = "wallet.linked"
    wallet_id: str
    user_id: str
    address: str
    chain_id: int


class WalletClosed(msgspec.Struct, frozen=True):
    """A wallet was closed: it can no longer be credited."""

    type: ClassVar[str] = "wallet.closed"
    wallet_id: str
    user_id: str


class HoldPlaced(msgspec.Struct, frozen=True):
    """Funds were set aside for an order."""

    type: ClassVar[str] = "hold.placed"
    hold_id: str
    order_id: str
    wallet_id: str
    user_id: str
    currency: str
    amount: Amount
    expires_at: datetime


class HoldCaptured(msgspec.Struct, frozen=True):
    """The order was paid from its hold: the pivot of a purchase."""

    type: ClassVar[str] = "hold.captured"
    hold_id: str
    order_id: str
    wallet_id: str
    user_id: str
    currency: str
    amount: Amount
    transfer_id: str


class HoldReleased(msgspec.Struct, frozen=True):
    """The funds are available again. For a hold that was never placed (a tombstone) only the ids are set."""

    type: ClassVar[str] = "hold.released"
    hold_id: str
    order_id: str
    reason: str
    wallet_id: str = ""
    user_id: str = ""
    currency: str = ""
    amount: Amount = NOTHING


class PostedPosting(msgspec.Struct, frozen=True):
    """One leg of a transfer. user_id: the wallet's owner, empty for a system account.

    in_place_of: the closed wallet that the money was meant for; empty if it was meant for this account.
    counterpart: the wallet of another cell for which a transit account stands; empty for none.
    """

    account: str
    currency: str
    amount: SignedAmount
    user_id: str
    in_place_of: str
    counterpart: str


class TransferPosted(msgspec.Struct, frozen=True):
    """Money moved."""

    type: ClassVar[str] = "transfer.posted"
    transfer_id: str
    kind: str
    reference: str
    postings: list[PostedPosting]
    user_ids: list[str]


class TransitSent(msgspec.Struct, frozen=True):
    """Money left for a wallet of another cell: `receiver`, which credits it once.

    Its stream is that of the two cells, in which each movement has the next version.
    """

    type: ClassVar[str] = "transit.sent"
    giver: str
    receiver: str
    transfer_id: str
    kind: str
    currency: str
    amount: Amount
    from_wallet_id: str
    from_user_id: str
    to_wallet_id: str
    to_user_id: str
    order_id: str
    reference: str


class DepositCredited(msgspec.Struct, frozen=True):
    """A deposit has its confirmations and was credited to the wallet.

    in_place_of: the closed wallet it was sent to, if its owner's default wallet was credited instead; else empty.
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


class WithdrawalRequested(msgspec.Struct, frozen=True):
    """A withdrawal was requested; its funds are held."""

    type: ClassVar[str] = "withdrawal.requested"
    withdrawal_id: str
    wallet_id: str
    user_id: str
    currency: str
    amount: Amount
    fee: Amount
    to_address: str
    chain_id: int


class WithdrawalSent(msgspec.Struct, frozen=True):
    """The first transaction was broadcast; one with higher fees may replace it."""

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


class WithdrawalMined(msgspec.Struct, frozen=True):
    """The payment is confirmed."""

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


class WithdrawalFailed(msgspec.Struct, frozen=True):
    """The withdrawal failed for good; its funds are available again."""

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
