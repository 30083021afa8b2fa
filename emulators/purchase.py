"""One purchase through the edge, told step by step: what `make run` plays."""

import time
from typing import Final

import httpx
from rich.console import Console

from emulators.buyer import Person, fresh_key
from shared.adapters.ethereum import recover
from shared.money import fee, shown

PRICE: Final = 25_000_000
UNITS: Final = 2
FUNDS: Final = 100_000_000
FEE_BPS: Final = 250


def play(client: httpx.Client, out: Console) -> int:
    """Play the purchase and tell of it. Returns 0 when it ended as it should, 1 when not.

    client: connections to the edge.
    """
    began = time.monotonic()
    try:
        _play(client, out)
    except (httpx.HTTPError, TimeoutError, AssertionError) as error:
        out.print(f"[red]The purchase failed: {error}[/red]")
        if isinstance(error, httpx.HTTPStatusError):
            out.print(error.response.text, markup=False)
        return 1
    out.print(f"\n[green]The purchase is complete, in {time.monotonic() - began:.1f} s.[/green]\n", highlight=False)
    return 0


def _play(client: httpx.Client, out: Console) -> None:
    def tell(step: str, what: str) -> None:
        out.print(f"  [bold]{step:<11}[/bold] {what}", highlight=False, soft_wrap=True)

    out.print(f"\n[bold]One purchase, through {client.base_url}[/bold]\n")
    merchant, buyer = Person(client).sign_in(), Person(client).sign_in()
    tell("sign in", f"merchant {merchant.address} and buyer {buyer.address}, each with an EIP-4361 signature")

    buyer.post("/v1/local/faucet", {"wallet_id": buyer.wallet_id, "currency": "USDC", "amount": str(FUNDS)})
    tell("fund", f"the faucet gives the buyer {shown(FUNDS, 'USDC')}")

    terms = {"title": "First light", "currency": "USDC", "unit_price": str(PRICE), "quantity": 10, "status": "active"}
    supply = merchant.post("/v1/supplies", terms, key=fresh_key())
    tell("on sale", f"{supply['quantity']} of {supply['title']!r} at {shown(PRICE, 'USDC')} each: {supply['id']}")

    wanted = {"wallet_id": buyer.wallet_id, "items": [{"supply_id": supply["id"], "quantity": UNITS}]}
    order = buyer.post("/v1/orders", wanted, key=fresh_key())
    tell("order", f"{UNITS} units, stock reserved and {shown(int(order['total']), 'USDC')} held: {order['id']}")

    order = buyer.wait_for(f"/v1/orders/{order['id']}", "status", "paid")
    tell("pay", "the wallet captured the hold into escrow, the order is paid")

    claim = buyer.post("/v1/claims", {"order_id": order["id"]})
    voucher = claim["voucher"]
    signer = recover(bytes.fromhex(voucher["digest"][2:]), bytes.fromhex(voucher["signature"][2:]))
    assert signer == voucher["signer"], f"the voucher was signed by {signer}, not by {voucher['signer']}"
    tell("claim", f"a voucher for {claim['recipient']}, its signature recovered to {signer}")

    buyer.settled(f"/v1/orders/{order['id']}", lambda seen: seen["status"] in ("claimed", "completed"))
    due = int(order["total"]) - fee(int(order["total"]), FEE_BPS)
    _wait_for_balance(merchant, due)
    tell("settle", f"the merchant has {shown(due, 'USDC')}, the house its fee of {FEE_BPS / 100} %")

    supply = merchant.wait_for(f"/v1/supplies/{supply['id']}", "sold", UNITS)
    assert supply["available"] + supply["reserved"] + supply["sold"] == supply["quantity"], supply
    assert buyer.balance("USDC") == FUNDS - int(order["total"]), "the buyer paid something else"
    story = [event["type"] for event in buyer.get(f"/v1/orders/{order['id']}/events")["items"]]
    tell("history", " -> ".join(story))


def _wait_for_balance(person: Person, due: int) -> None:
    until = time.monotonic() + 20
    while person.balance("USDC") != due:
        if time.monotonic() > until:
            raise TimeoutError(f"the merchant has {person.balance('USDC')}, not {due}, after 20 s")
        time.sleep(0.1)
