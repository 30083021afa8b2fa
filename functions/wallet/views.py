"""Views: the JSON that callers of the wallet service see."""

from typing import Annotated

import msgspec

from functions.wallet.domain.custody import Withdrawal, WithdrawalStatus
from functions.wallet.domain.ledger import Posting, Transfer
from functions.wallet.domain.wallet import Wallet, WalletStatus
from shared.contracts.fields import CurrencyCode
from shared.contracts.operations import ONE_LINE, Resource, Time, View
from shared.money import Amount, SignedAmount

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=ONE_LINE)]
"""The name that a user gives to a wallet."""

Reference = Annotated[str, msgspec.Meta(max_length=200, pattern=ONE_LINE)]
"""The note on a transfer."""


class WalletView(Resource):
    """A wallet."""

    id: str
    user_id: str
    name: str
    address: str
    chain_id: int
    status: WalletStatus
    version: int
    created_at: Time
    updated_at: Time

    @classmethod
    def of(cls, wallet: Wallet) -> "WalletView":
        """What a caller sees of a wallet."""
        return cls(**{name: getattr(wallet, name) for name in cls.__struct_fields__})


class BalanceView(View):
    """A wallet's balance in one currency: available = posted - held."""

    currency: CurrencyCode
    posted: Amount
    held: Amount
    available: Amount


class HoldView(View):
    """Funds set aside for an order or, if there is none, for a withdrawal."""

    id: str
    order_id: str | None
    currency: CurrencyCode
    amount: Amount


class BalancesView(View):
    """A wallet's balances and the holds in them, at one version."""

    wallet_id: str
    version: int
    balances: list[BalanceView]
    holds: list[HoldView]


class EntryView(View):
    """One line of a wallet's ledger."""

    id: str
    transfer_id: str
    currency: CurrencyCode
    amount: SignedAmount
    balance_after: Amount
    kind: str
    reference: str
    created_at: Time


class TransferView(View):
    """A transfer between a caller's wallet and another account."""

    id: str
    kind: str
    from_wallet_id: str | None
    to_wallet_id: str | None
    currency: CurrencyCode
    amount: Amount
    reference: str
    created_at: Time

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


class LeastDepositView(View):
    """An amount of a currency."""

    currency: CurrencyCode
    amount: Amount


class DepositAddressView(View):
    """The deposit address of a wallet: what arrives there is credited after its confirmations.

    least: the minimum balance of each currency that is collected and credited; less waits for more.
    """

    wallet_id: str
    chain_id: int
    address: str
    currencies: list[CurrencyCode]
    confirmations: int
    least: list[LeastDepositView]


class TransactionView(View):
    """A transaction on a chain."""

    chain_id: int
    hash: str


class CurrencyView(View):
    """A currency that can be deposited and withdrawn, in its atomic units.

    decimals: the number of decimal places. contract: of its token; null for the chain's native currency.
    least_withdrawal: the minimum amount of a withdrawal. withdrawal_fee: what is charged on top of the amount.
    """

    currency: CurrencyCode
    decimals: int
    chain_id: int
    contract: str | None
    least_withdrawal: Amount
    withdrawal_fee: Amount


class WithdrawalView(Resource, kw_only=True):
    """A withdrawal from a wallet: the amount is paid out, and the fee is charged on top."""

    id: str
    wallet_id: str
    currency: CurrencyCode
    amount: Amount
    fee: Amount
    to_address: str
    status: WithdrawalStatus
    transaction: TransactionView | msgspec.UnsetType = msgspec.UNSET
    failure: str | msgspec.UnsetType = msgspec.UNSET
    created_at: Time
    updated_at: Time

    @classmethod
    def of(cls, withdrawal: Withdrawal) -> "WithdrawalView":
        """What a caller sees of a withdrawal."""
        sent = TransactionView(withdrawal.chain_id, withdrawal.transaction_hash)
        return cls(
            id=withdrawal.id,
            wallet_id=withdrawal.wallet_id,
            currency=withdrawal.currency,
            amount=Amount(withdrawal.amount),
            fee=Amount(withdrawal.fee),
            to_address=withdrawal.to_address,
            status=withdrawal.status,
            transaction=sent if withdrawal.transaction_hash else msgspec.UNSET,
            failure=withdrawal.failure or msgspec.UNSET,
            created_at=withdrawal.created_at,
            updated_at=withdrawal.updated_at,
        )
