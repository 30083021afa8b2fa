"""Telling other services of wallets."""

from collections.abc import Callable

import pytest

from emulators.buyer import Person
from shared import ids
from shared.adapters.rpc import RpcChannel
from shared.contracts.gen.wallet_pb2 import DescribeRequest, DescribeResponse

Rpc = Callable[[str, str], RpcChannel]


@pytest.mark.parametrize("caller", ["order", "supply"])
def test_wallets_are_found_by_id_and_by_owner(rpc: Rpc, buyer: Person, merchant: Person, caller: str) -> None:
    """Each wallet is told once, with its owner, address and whether it is open and their default."""
    asked = DescribeRequest(wallet_ids=[buyer.wallet_id], default_of=[merchant.user_id, buyer.user_id])
    found = rpc("wallet", caller).call("Wallet.Describe", asked, DescribeResponse).wallets
    assert sorted((w.wallet_id, w.user_id, w.address, w.open, w.is_default) for w in found) == sorted(
        (person.wallet_id, person.user_id, person.address, True, True) for person in (buyer, merchant)
    )


def test_unknown_wallets_are_left_out(rpc: Rpc, buyer: Person) -> None:
    """Absent and malformed ids, and strangers, are no error and have no wallet."""
    asked = DescribeRequest(
        wallet_ids=[buyer.wallet_id, ids.new("wal", "us"), "", "' OR 1=1", buyer.user_id],
        default_of=["", ids.new("usr", "us")],
    )
    found = rpc("wallet", "order").call("Wallet.Describe", asked, DescribeResponse).wallets
    assert [wallet.wallet_id for wallet in found] == [buyer.wallet_id]
    assert not rpc("wallet", "order").call("Wallet.Describe", DescribeRequest(), DescribeResponse).wallets


def test_only_order_and_supply_may_ask(only_for_callers: Callable[[str], None]) -> None:
    """What wallets people have is nobody else's business."""
    only_for_callers("describe_wallets")
