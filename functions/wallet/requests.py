"""Requests whose fields take more room to describe than stands in an operation's file."""

from typing import Annotated

import msgspec

from functions.wallet.views import Reference
from shared.contracts.fields import OtherWalletId, WalletId, example_id
from shared.contracts.operations import Address, Request
from shared.money import Amount, Currency


class CreateTransfer(Request):
    """The amount, and the wallets that it moves between."""

    in_example = frozenset({"reference"})

    from_wallet_id: WalletId
    """The caller's wallet that pays."""

    to_wallet_id: OtherWalletId
    """The wallet that is paid, anybody's."""

    currency: Currency
    """The currency of the amount."""

    amount: Amount
    """How much, in atomic units; more than 0."""

    reference: Reference = ""
    """A note that both sides see, in a line."""


class CreateWithdrawal(Request):
    """The wallet, the amount and the recipient; the fee is charged on top."""

    wallet_id: WalletId
    """The caller's wallet that pays the amount and the fee."""

    currency: Currency
    """The currency, of those that list_currencies shows."""

    amount: Amount
    """How much is to arrive, in atomic units; at least the currency's `least_withdrawal`."""

    to_address: Address
    """Where to send it: not the zero address, nor a contract of the house."""


class Adjustment(Request):
    """An amount, and the accounts that it moves between."""

    from_account: Annotated[str, msgspec.Meta(examples=[example_id("wal")])]
    """The account that pays: a wallet's id, `fees` or `losses`."""

    to_account: Annotated[str, msgspec.Meta(examples=["fees"])]
    """The account that is paid: a wallet's id, `fees` or `losses`."""

    currency: Currency
    """The currency of the amount."""

    amount: Amount
    """How much, in atomic units; more than 0."""

    reference: Reference = ""
    """A note on it, in a line."""


class PostTransfers(Request):
    """The transfers, which are posted together or not at all."""

    transfers: Annotated[list[Adjustment], msgspec.Meta(min_length=1, max_length=100)]
    """The transfers, in the order in which they are posted."""
