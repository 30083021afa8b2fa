"""One purchase through the edge, told step by step: what `make run` plays."""

import time
from typing import Final

import httpx
from rich.console import Console

from emulators.buyer import Person, settled, until
from emulators.client.gen.api import OrderLine
from emulators.sale import CLAIMED
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

    buyer.api.faucet(wallet_id=buyer.wallet_id, currency="USDC", amount=str(FUNDS))
    tell("fund", f"the faucet gives the buyer {shown(FUNDS, 'USDC')}")

    supply = merchant.api.create_supply(
        title="First light", currency="USDC", unit_price=str(PRICE), quantity=10, status="active"
    )
    tell("on sale", f"{supply.quantity} of {supply.title!r} at {shown(PRICE, 'USDC')} each: {supply.id}")

    wanted = [OrderLine(supply_id=supply.id, quantity=UNITS)]
    order = buyer.api.create_order(wallet_id=buyer.wallet_id, items=wanted)
    total = int(order.total)
    tell("order", f"{UNITS} units, stock reserved and {shown(total, 'USDC')} held: {order.id}")

    until(lambda: buyer.api.get_order(order_id=order.id), lambda seen: seen.status == "paid")
    tell("pay", "the wallet captured the hold into escrow, the order is paid")

    claim = buyer.api.create_claim(order_id=order.id)
    voucher = claim.voucher
    signer = recover(bytes.fromhex(voucher.digest[2:]), bytes.fromhex(voucher.signature[2:]))
    assert signer == voucher.signer, f"the voucher was signed by {signer}, not by {voucher.signer}"
    tell("claim", f"a voucher for {claim.recipient}, its signature recovered to {signer}")

    settled(lambda: buyer.insisting.get_order(order_id=order.id), lambda seen: seen.status in CLAIMED)
    due = total - fee(total, FEE_BPS)
    until(lambda: merchant.balance("USDC"), lambda posted: posted == due)
    tell("settle", f"the merchant has {shown(due, 'USDC')}, the house its fee of {FEE_BPS / 100} %")

    supply = until(lambda: merchant.api.get_supply(supply_id=supply.id), lambda seen: seen.sold == UNITS)
    assert supply.available + supply.reserved + supply.sold == supply.quantity, supply
    assert buyer.balance("USDC") == FUNDS - total, "the buyer paid something else"
    story = [event.type for event in buyer.api.list_order_events(order_id=order.id).items]
    tell("history", " -> ".join(story))
