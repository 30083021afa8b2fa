"""Describing wallets to other services."""

from collections.abc import Callable

import pytest

from emulators.demo.api_user import ApiUser
from shared import ids
from shared.contracts.gen.wallet_pb2 import DescribeRequest, DescribeResponse
from shared.rpc.channel import RpcChannel

Rpc = Callable[[str, str], RpcChannel]


@pytest.mark.parametrize("caller", ["order", "supply"])
def test_wallets_are_found_by_id_and_by_owner(rpc: Rpc, buyer: ApiUser, merchant: ApiUser, caller: str) -> None:
    """Each wallet is listed once, with its owner, address, and whether it is open and the default."""
    request = DescribeRequest(wallet_ids=[buyer.wallet_id], default_of=[merchant.user_id, buyer.user_id])
    found = rpc("wallet", caller).call("Wallet.Describe", request, DescribeResponse).wallets
    assert sorted((w.wallet_id, w.user_id, w.address, w.open, w.is_default) for w in found) == sorted(
        (person.wallet_id, person.user_id, person.address, True, True) for person in (buyer, merchant)
    )


def test_unknown_wallets_are_left_out(rpc: Rpc, buyer: ApiUser) -> None:
    """Absent and malformed ids, and unknown users, are no error and have no wallet."""
    request = DescribeRequest(
        wallet_ids=[buyer.wallet_id, ids.new("wal", "us"), "", "' OR 1=1", buyer.user_id],
        default_of=["", ids.new("usr", "us")],
    )
    found = rpc("wallet", "order").call("Wallet.Describe", request, DescribeResponse).wallets
    assert [wallet.wallet_id for wallet in found] == [buyer.wallet_id]
    assert not rpc("wallet", "order").call("Wallet.Describe", DescribeRequest(), DescribeResponse).wallets


def test_only_order_and_supply_may_ask(only_for_callers: Callable[[str], None]) -> None:
    """Other services may not call it."""
    only_for_callers("describe_wallets")
