"""One purchase through the edge, narrated step by step: the first part of the demo."""

import time
from typing import Final

import httpx
from rich.console import Console

from emulators.demo.api_user import ApiUser, until_settled
from emulators.demo.sale import CLAIMED
from emulators.waiting import until
from shared.chain.ethereum import recover
from shared.client.python.meridian_client.api import OrderLine
from shared.money import fee, format_amount

PRICE: Final = 25_000_000
UNITS: Final = 2
FUNDS: Final = 100_000_000
FEE_BPS: Final = 250


def run(client: httpx.Client, out: Console) -> int:
    """Run the purchase and print each step. Returns 0 on success, else 1.

    client: connections to the edge.
    """
    began = time.monotonic()
    try:
        _run(client, out)
    except (httpx.HTTPError, TimeoutError, AssertionError) as error:
        out.print(f"[red]The purchase failed: {error}[/red]")
        if isinstance(error, httpx.HTTPStatusError):
            out.print(error.response.text, markup=False)
        return 1
    out.print(f"\n[green]The purchase is complete, in {time.monotonic() - began:.1f} s.[/green]\n", highlight=False)
    return 0


def _run(client: httpx.Client, out: Console) -> None:
    def tell(step: str, what: str) -> None:
        out.print(f"  [bold]{step:<11}[/bold] {what}", highlight=False, soft_wrap=True)

    out.print(f"\n[bold]One purchase, through {client.base_url}[/bold]\n")
    merchant, buyer = ApiUser(client).sign_in(), ApiUser(client).sign_in()
    tell("sign in", f"merchant {merchant.address} and buyer {buyer.address}, each with an EIP-4361 signature")

    buyer.api.faucet(wallet_id=buyer.wallet_id, currency="USDC", amount=str(FUNDS))
    tell("fund", f"the faucet gives the buyer {format_amount(FUNDS, 'USDC')}")

    supply = merchant.api.create_supply(
        title="First light", currency="USDC", unit_price=str(PRICE), quantity=10, status="active"
    )
    tell("on sale", f"{supply.quantity} of {supply.title!r} at {format_amount(PRICE, 'USDC')} each: {supply.id}")

    lines = [OrderLine(supply_id=supply.id, quantity=UNITS)]
    order = buyer.api.create_order(wallet_id=buyer.wallet_id, items=lines)
    total = int(order.total)
    tell("order", f"{UNITS} units, stock reserved and {format_amount(total, 'USDC')} held: {order.id}")

    until(lambda: buyer.api.get_order(order_id=order.id), lambda seen: seen.status == "paid")
    tell("pay", "the wallet captured the hold into escrow, the order is paid")

    claim = buyer.api.create_claim(order_id=order.id)
    voucher = claim.voucher
    signer = recover(bytes.fromhex(voucher.digest[2:]), bytes.fromhex(voucher.signature[2:]))
    assert signer == voucher.signer, f"the voucher was signed by {signer}, not by {voucher.signer}"
    tell("claim", f"a voucher for {claim.recipient}, its signature recovered to {signer}")

    until_settled(lambda: buyer.retrying.get_order(order_id=order.id), lambda seen: seen.status in CLAIMED)
    due = total - fee(total, FEE_BPS)
    until(lambda: merchant.balance("USDC"), lambda posted: posted == due)
    tell("settle", f"the merchant has {format_amount(due, 'USDC')}, the platform its fee of {FEE_BPS / 100} %")

    supply = until(lambda: merchant.api.get_supply(supply_id=supply.id), lambda seen: seen.sold == UNITS)
    assert supply.available + supply.reserved + supply.sold == supply.quantity, supply
    assert buyer.balance("USDC") == FUNDS - total, "the buyer paid another amount"
    types = [event.type for event in buyer.api.list_order_events(order_id=order.id).items]
    tell("history", " -> ".join(types))
