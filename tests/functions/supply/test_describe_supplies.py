"""Telling the order service on what terms supplies sell."""

from collections.abc import Callable
from typing import Any

from emulators.demo.api_user import ApiUser
from shared import ids
from shared.contracts.gen.supply_pb2 import DescribeRequest, DescribeResponse
from shared.rpc.channel import RpcChannel

Rpc = Callable[[str, str], RpcChannel]
Sell = Callable[..., dict[str, Any]]


def describe(rpc: Rpc, viewer: ApiUser, *supply_ids: str) -> list[DescribeResponse.Terms]:
    requested = DescribeRequest(supply_ids=supply_ids, user_id=viewer.user_id)
    return list(rpc("supply", "order").call("Supply.Describe", requested, DescribeResponse).supplies)


def test_terms_are_those_of_the_supply(rpc: Rpc, on_sale: Sell, buyer: ApiUser) -> None:
    """All terms that an order stores are returned, as the API shows them."""
    supply = on_sale(unit_price="123456789012345678901234567890")
    (terms,) = describe(rpc, buyer, supply["id"])
    asset = supply["asset"]
    assert (terms.supply_id, terms.merchant_id, terms.payout_wallet_id, terms.title) == (
        supply["id"],
        supply["merchant_id"],
        supply["payout_wallet_id"],
        supply["title"],
    )
    assert (terms.currency, terms.unit_price) == (supply["currency"], supply["unit_price"])
    assert (terms.asset.chain_id, terms.asset.contract) == (asset["chain_id"], asset["contract"])
    assert (terms.asset.token_id, terms.asset.standard) == (asset["token_id"], asset["standard"])


def test_drafts_are_shown_to_their_merchant_alone(rpc: Rpc, on_sale: Sell, buyer: ApiUser, merchant: ApiUser) -> None:
    """Another's draft is left out, as an unknown or malformed id is."""
    draft, active = on_sale(status="draft"), on_sale()
    wanted = [draft["id"], active["id"], ids.new("sup", "us"), "", "' OR 1=1", active["id"]]
    assert [terms.supply_id for terms in describe(rpc, buyer, *wanted)] == [active["id"]]
    assert {terms.supply_id for terms in describe(rpc, merchant, *wanted)} == {draft["id"], active["id"]}
    assert describe(rpc, buyer) == []


def test_only_order_may_ask(only_for_callers: Callable[[str], None]) -> None:
    """No other service needs the terms."""
    only_for_callers("describe_supplies")
