"""One purchase from the faucet to the merchant's payout, with every posting and every event."""

from collections.abc import Callable
from typing import Any

from emulators.demo.api_user import ApiUser, fresh_key
from shared import ids
from shared.chain.ethereum import recover
from shared.config import Settings
from tests.conftest import FUNDS
from tests.database_probe import DatabaseProbe, Stock

OnSale = Callable[..., dict[str, Any]]


def test_a_purchase_moves_what_it_says_and_nothing_else(
    buyer: ApiUser,
    merchant: ApiUser,
    on_sale: OnSale,
    probe: DatabaseProbe,
    settings: Settings,
    audit: Callable[[], list[str]],
) -> None:
    """Two lines of two supplies, claimed once: the ledger, the stock, the voucher and the streams agree to the unit."""
    lamp, rug = on_sale(unit_price="333", quantity=5), on_sale(unit_price="7", quantity=9)
    earned, _ = probe.money(merchant.wallet_id)
    items = [{"supply_id": lamp["id"], "quantity": 3}, {"supply_id": rug["id"], "quantity": 2}]
    order = buyer.post("/v1/orders", {"wallet_id": buyer.wallet_id, "items": items}, fresh_key())
    order_id, total = order["id"], 3 * 333 + 2 * 7
    assert order["total"] == str(total)

    assert probe.settled(order_id).status == "paid"
    assert probe.money(buyer.wallet_id) == (FUNDS - total, 0)
    assert sorted(probe.postings(order_id)) == [
        ("capture", "escrow", "USDC", total),
        ("capture", buyer.wallet_id, "USDC", -total),
    ]

    claim = buyer.post("/v1/claims", {"order_id": order_id})
    voucher = claim["voucher"]
    assert recover(bytes.fromhex(voucher["digest"][2:]), bytes.fromhex(voucher["signature"][2:])) == voucher["signer"]
    assert [int(item["quantity"]) for item in voucher["message"]["items"]] == [3, 2]
    buyer.wait_for(f"/v1/orders/{order_id}", "status", "claimed")

    account = probe.settled(order_id)
    assert (account.status, account.escrow, account.claim) == ("claimed", "settled", "claimed")
    fee = total * settings.fee_bps // 10_000
    assert 0 < fee < total * settings.fee_bps / 10_000, "the total must not divide evenly, to show which way it rounds"
    assert sorted(probe.postings(order_id)) == sorted(
        [
            ("capture", buyer.wallet_id, "USDC", -total),
            ("capture", "escrow", "USDC", total),
            ("settlement", "escrow", "USDC", -total),
            ("settlement", "fees", "USDC", fee),
            ("settlement", merchant.wallet_id, "USDC", total - fee),
        ]
    )
    assert probe.money(merchant.wallet_id) == (earned + total - fee, 0)
    assert probe.money(buyer.wallet_id) == (FUNDS - total, 0)
    assert probe.stock(lamp["id"]) == Stock(quantity=5, available=2, reserved=0, sold=3)
    assert probe.stock(rug["id"]) == Stock(quantity=9, available=7, reserved=0, sold=2)

    stories = {stream[:3]: [event.type for event in events] for stream, events in probe.streams_of(order_id).items()}
    assert stories == {
        "ord": ["order.placed", "order.confirmed", "order.paid", "order.claimed"],
        "hld": ["hold.placed", "hold.captured"],
        "rsv": ["supply.reserved", "supply.committed"],
        "clm": ["claim.opened", "claim.claimed"],
    }
    assert audit() == []


def test_the_last_unit_makes_the_supply_sold_out(buyer: ApiUser, on_sale: OnSale, probe: DatabaseProbe) -> None:
    """When the last unit is sold the supply is sold_out and emits one event; nobody can order it any more."""
    supply = on_sale(quantity=2)
    for _ in range(2):
        body = {"wallet_id": buyer.wallet_id, "items": [{"supply_id": supply["id"], "quantity": 1}]}
        probe.settled(buyer.post("/v1/orders", body, fresh_key())["id"])
    assert buyer.get(f"/v1/supplies/{supply['id']}")["status"] == "sold_out"
    assert [event.type for event in probe.stream("supply", supply["id"])] == ["supply.created", "supply.sold_out"]
    answer = buyer.request("POST", "/v1/orders", body, fresh_key())
    assert (answer.status_code, answer.json()["code"]) == (409, "SOLD_OUT")


def test_a_purchase_in_another_currency_leaves_the_others_alone(
    buyer: ApiUser, merchant: ApiUser, on_sale: OnSale, probe: DatabaseProbe
) -> None:
    """ETH is paid in ETH: held, captured and settled there, with 18 decimals to the wei."""
    supply = on_sale(currency="ETH", unit_price=str(FUNDS))
    earned, _ = probe.money(merchant.wallet_id, "ETH")
    dollars = probe.money(merchant.wallet_id)
    body = {"wallet_id": buyer.wallet_id, "items": [{"supply_id": supply["id"], "quantity": 1}]}
    order_id = buyer.post("/v1/orders", body, fresh_key())["id"]
    probe.settled(order_id)
    buyer.post("/v1/claims", {"order_id": order_id})
    buyer.wait_for(f"/v1/orders/{order_id}", "status", "claimed")
    assert probe.settled(order_id).escrow == "settled"
    assert probe.money(buyer.wallet_id, "ETH") == (0, 0)
    assert probe.money(buyer.wallet_id) == (FUNDS, 0)
    assert probe.money(merchant.wallet_id, "ETH") == (earned + FUNDS - FUNDS // 40, 0)
    assert probe.money(merchant.wallet_id) == dollars
    assert {currency for _, _, currency, _ in probe.postings(order_id)} == {"ETH"}
    assert ids.valid(order_id, "ord")
