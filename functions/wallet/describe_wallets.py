"""Describe wallets to other services: owner, address, state, and optionally what is available."""

from functions.wallet.ports import WalletWork
from shared.contracts.gen.wallet_pb2 import DescribeRequest, DescribeResponse


def describe_wallets(request: DescribeRequest, work: WalletWork) -> DescribeResponse:
    """The requested wallets that exist, with their available balances if the request asks for those."""
    wallets = work.wallets.find(request.wallet_ids, request.default_of)
    available = work.ledger.available([wallet.id for wallet in wallets]) if request.balances else {}
    return DescribeResponse(
        wallets=[
            DescribeResponse.Wallet(
                wallet_id=wallet.id,
                user_id=wallet.user_id,
                address=wallet.address,
                open=wallet.open,
                is_default=wallet.is_default,
                chain_id=wallet.chain_id,
                balances=[
                    DescribeResponse.Balance(currency=currency, available=str(amount))
                    for (wallet_id, currency), amount in available.items()
                    if wallet_id == wallet.id
                ],
            )
            for wallet in wallets
        ]
    )
