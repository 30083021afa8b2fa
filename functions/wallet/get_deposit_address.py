"""Show the deposit address of a wallet."""

from functions.wallet.ports import CustodyWork
from functions.wallet.views import DepositAddressView, LeastDepositView
from shared.contracts.operations import Caller, Request
from shared.money import Amount


class GetDepositAddress(Request):
    """For which wallet."""

    wallet_id: str


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
