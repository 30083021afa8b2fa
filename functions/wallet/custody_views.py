"""Views of custody: the JSON that callers see of withdrawals to a chain."""

from typing import Annotated

import msgspec

from functions.wallet.domain.custody import Withdrawal, WithdrawalStatus
from shared.contracts.fields import ChainId, CurrencyCode, ShownAddress, TransactionHash, WalletId, WithdrawalId
from shared.contracts.operations import Resource, Time, View
from shared.money import Amount

ShownFailure = Annotated[str, msgspec.Meta(examples=["The chain refuses the transaction."])]


class TransactionView(View):
    """A transaction on a chain."""

    chain_id: ChainId
    """The chain, by its number in EIP-155."""

    hash: TransactionHash
    """The transaction's hash."""


class WithdrawalView(Resource, kw_only=True):
    """A withdrawal from a wallet: the amount is paid out, and the fee is charged on top."""

    id: WithdrawalId
    """The withdrawal's id."""

    wallet_id: WalletId
    """The wallet that pays."""

    currency: CurrencyCode
    """The currency of amount and fee."""

    amount: Amount
    """What arrives, in atomic units."""

    fee: Amount
    """What the wallet pays on top, in atomic units."""

    to_address: ShownAddress
    """Where it is sent, in its EIP-55 form."""

    status: WithdrawalStatus
    """`requested`: amount and fee are held; `sent`: a transaction is under way; `mined` and `failed` are final."""

    transaction: TransactionView | msgspec.UnsetType = msgspec.UNSET
    """The transaction, as soon as there is one."""

    failure: ShownFailure | msgspec.UnsetType = msgspec.UNSET
    """Why it failed, for a person; only with the status `failed`, which gives back what was held."""

    created_at: Time
    """When it was requested."""

    updated_at: Time
    """When it was last changed."""

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
