"""Show the deposit address of a wallet."""

from typing import Annotated

import msgspec

from functions.wallet.ports import CustodyWork
from functions.wallet.views import LeastDepositView
from shared.contracts.fields import ChainId, CurrencyCode, ShownAddress, WalletId
from shared.contracts.operations import Caller, Request, View
from shared.money import Amount


class GetDepositAddress(Request):
    """For which wallet."""

    wallet_id: WalletId


class DepositAddressView(View):
    """The deposit address of a wallet: what arrives there is credited after its confirmations."""

    wallet_id: WalletId
    """The wallet that is credited."""

    chain_id: ChainId
    """The chain to send on, by its number in EIP-155: what is sent on another one is not seen."""

    address: ShownAddress
    """Where to send to, in its EIP-55 form. It stays the same."""

    currencies: list[CurrencyCode]
    """The currencies that are credited."""

    confirmations: Annotated[int, msgspec.Meta(examples=[12])]
    """How many blocks have to follow a payment's before it is credited."""

    least: list[LeastDepositView]
    """The least balance of each currency that is collected and credited; less waits for more."""


def get_deposit_address(request: GetDepositAddress, caller: Caller, work: CustodyWork) -> DepositAddressView:
    """The address, which is watched from now on. Raises NotFound, Unavailable when no chain is configured."""
    wallet = work.wallets.get(request.wallet_id, owner=caller.user_id)
    vault = work.vault
    currencies = sorted(vault.currencies)
    address = vault.deposit_address(wallet.id)
    work.deposits.register_address(wallet.id, vault.key(wallet.id), address)
    return DepositAddressView(
        wallet_id=wallet.id,
        chain_id=vault.chain_id,
        address=address,
        currencies=currencies,
        confirmations=vault.confirmations,
        least=[LeastDepositView(currency, Amount(vault.collection_minimum(currency))) for currency in currencies],
    )
