"""Views: the JSON that callers of the wallet service see."""

from typing import Annotated

import msgspec

from functions.wallet.domain.ledger import Posting, Transfer
from functions.wallet.domain.wallet import Wallet, WalletStatus
from shared.contracts.fields import (
    ChainId,
    CurrencyCode,
    EntryId,
    HoldId,
    OrderId,
    ShownAddress,
    TransferId,
    UserId,
    Version,
    WalletId,
)
from shared.contracts.operations import ONE_LINE, Resource, Time, View
from shared.money import Amount, SignedAmount

Name = Annotated[
    str, msgspec.Meta(min_length=1, max_length=100, pattern=ONE_LINE, description="A line.", examples=["For later"])
]
"""The name that a user gives to a wallet."""

Reference = Annotated[str, msgspec.Meta(max_length=200, pattern=ONE_LINE, examples=["Thanks"])]
"""The note on a transfer."""

Kind = Annotated[str, msgspec.Meta(examples=["transfer"])]
ShownReference = Annotated[str, msgspec.Meta(examples=["Thanks"])]


class WalletView(Resource):
    """A wallet."""

    id: WalletId
    """The wallet's id."""

    user_id: UserId
    """Whose it is."""

    name: Annotated[str, msgspec.Meta(examples=["For the holidays"])]
    """What its owner calls it."""

    address: ShownAddress
    """The address that its owner has proven to own, in its EIP-55 form: where claims go by default."""

    chain_id: ChainId
    """The chain for which the address was proven, by its number in EIP-155."""

    status: WalletStatus
    """Whether it can be paid and pay; a closed wallet stays closed."""

    version: Version
    """How often it was changed; its ETag."""

    created_at: Time
    """When it was opened."""

    updated_at: Time
    """When it was last changed."""

    @classmethod
    def of(cls, wallet: Wallet) -> "WalletView":
        """What a caller sees of a wallet."""
        return cls(**{name: getattr(wallet, name) for name in cls.__struct_fields__})


class BalanceView(View):
    """A wallet's balance in one currency."""

    currency: CurrencyCode
    """The currency that this is of."""

    posted: Amount
    """What the wallet has, in atomic units."""

    held: Amount
    """How much of it is held for orders and withdrawals, in atomic units."""

    available: Amount
    """What can be spent: posted less held, in atomic units."""


class HoldView(View):
    """Funds set aside for an order or, if there is none, for a withdrawal."""

    id: HoldId
    """The hold's id."""

    order_id: OrderId | None
    """The order that it is for; null for a withdrawal."""

    currency: CurrencyCode
    """The currency that is held."""

    amount: Amount
    """How much is held, in atomic units."""


class BalancesView(View):
    """A wallet's balances and the holds in them, at one version."""

    wallet_id: WalletId
    """The wallet that they are of."""

    version: Version
    """A number that grows with every change of the balances."""

    balances: list[BalanceView]
    """One for each currency that the wallet ever had."""

    holds: list[HoldView]
    """The holds that make up what is held."""


class EntryView(View):
    """One line of a wallet's ledger."""

    id: EntryId
    """The entry's id."""

    transfer_id: TransferId
    """The transfer that it is a part of."""

    currency: CurrencyCode
    """The currency of the amount."""

    amount: SignedAmount
    """What the wallet gained or, with a minus sign, lost, in atomic units."""

    balance_after: Amount
    """What the wallet had of the currency after it, in atomic units."""

    kind: Kind
    """What the transfer was for: `transfer`, `deposit`, `withdrawal`, `capture` (an order is paid), `settlement` (a
    sale is paid out), `refund`, `adjustment`, `reversal` or `faucet`.
    """

    reference: ShownReference
    """The note on the transfer; may be empty."""

    created_at: Time
    """When it was posted."""


class InspectedWalletView(View):
    """A wallet, as operators see it."""

    wallet: WalletView
    """The wallet."""

    balances: BalancesView
    """What is in it, and the holds in that."""

    entries: list[EntryView]
    """Its newest 20 entries, the newest first."""


class TransferView(View):
    """A transfer between a caller's wallet and another account."""

    id: TransferId
    """The transfer's id."""

    kind: Kind
    """What it is for: `transfer`, `adjustment`, `reversal` or `faucet`."""

    from_wallet_id: WalletId | None
    """The wallet that pays; null for an account of the house."""

    to_wallet_id: WalletId | None
    """The wallet that is paid; null for an account of the house."""

    currency: CurrencyCode
    """The currency of the amount."""

    amount: Amount
    """How much is moved, in atomic units."""

    reference: ShownReference
    """The note of whoever made it; may be empty."""

    created_at: Time
    """When it was posted."""

    @classmethod
    def of(cls, transfer: Transfer) -> "TransferView":
        """What a caller sees of a transfer of two legs."""
        paying = next(posting for posting in transfer.postings if posting.amount < 0)
        receiving = next(posting for posting in transfer.postings if posting.amount > 0)
        return cls(
            id=transfer.id,
            kind=transfer.kind,
            from_wallet_id=_wallet_of(paying),
            to_wallet_id=_wallet_of(receiving),
            currency=receiving.currency,
            amount=Amount(receiving.amount),
            reference=transfer.reference,
            created_at=transfer.created_at,
        )


def _wallet_of(leg: Posting) -> str | None:
    """The wallet that pays or is paid, in whatever cell; None for a system account."""
    return (leg.counterpart or None) if leg.system else leg.account


class TransfersView(View):
    """The transfers that were made, in the order of the request."""

    transfers: list[TransferView]
    """One for each that was asked for, in the same order."""


class LeastDepositView(View):
    """An amount of a currency."""

    currency: CurrencyCode
    """The currency that this is of."""

    amount: Amount
    """The least balance of the deposit address that is collected, in atomic units."""
