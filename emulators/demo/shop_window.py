"""Fills the shop of the local stack with something in each state that a sale has, to be seen and bought."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx
from rich.console import Console

from emulators.demo.api_user import ApiUser
from shared.client.python.meridian_client.api import OrderLine, Phase, Supply

FUNDS: Final = 1_000_000_000
SOON: Final = timedelta(hours=6)
LIST: Final = "0x" + "5e" * 32
"""The root of a list with nobody on it."""


@dataclass(frozen=True)
class Item:
    """Something to put on sale.

    price: in millionths of a USDC. bought: how many units somebody has bought already.
    """

    title: str
    description: str
    price: int
    quantity: int
    bought: int = 0
    per_user_limit: int | None = None
    phases: Sequence[Phase] = field(default=())


def items(now: datetime) -> list[Item]:
    """What is in the window, from the last to the first that is seen."""
    return [
        Item("Night ferry", "A poster in two colours. All of them have found a wall.", 18_000_000, 3, bought=3),
        Item("Letters from the archive", "Open to the friends of the house.", 12_000_000, 40, phases=[_listed(now)]),
        Item(
            "Salt and slate", "A series of twelve, from next week's exhibition.", 65_000_000, 12, phases=[_later(now)]
        ),
        Item("A small thank you", "A badge for everybody who came.", 0, 500, per_user_limit=1),
        Item("Field recordings", "One hour of a valley at dawn.", 9_500_000, 120, bought=47, per_user_limit=50),
        Item("Harbour at dusk", "A print on paper, 30 by 40 cm, signed and numbered.", 25_000_000, 50, bought=18),
    ]


def _listed(now: datetime) -> Phase:
    return Phase(name="Friends", starts_at=now - timedelta(minutes=1), allowlist_root=LIST)


def _later(now: datetime) -> Phase:
    return Phase(name="Opening", starts_at=now + SOON)


def open_shop(edge_url: str, out: Console) -> None:
    """Fill the shop behind an edge, or say why it stays empty."""
    try:
        with httpx.Client(base_url=edge_url, timeout=30) as client:
            fill(client)
    except httpx.HTTPError as error:
        out.print(f"[red]The shop could not be filled: {error}[/red]")


def fill(client: httpx.Client) -> list[Supply]:
    """Put all of it on sale, with what was bought of it. Raises httpx.HTTPError.

    client: connections to the edge.
    """
    merchant, buyer = ApiUser(client).sign_in_with_retries(), ApiUser(client).sign_in_with_retries()
    buyer.retrying.faucet(wallet_id=buyer.wallet_id, currency="USDC", amount=str(FUNDS))
    return [_put_up(item, merchant, buyer) for item in items(datetime.now(UTC))]


def _put_up(item: Item, merchant: ApiUser, buyer: ApiUser) -> Supply:
    supply = merchant.retrying.create_supply(
        title=item.title,
        description=item.description,
        currency="USDC",
        unit_price=str(item.price),
        quantity=item.quantity,
        per_user_limit=item.per_user_limit,
        phases=list(item.phases),
        status="active",
    )
    if item.bought:
        line = OrderLine(supply_id=supply.id, quantity=item.bought)
        buyer.retrying.create_order(wallet_id=buyer.wallet_id, items=[line])
    return supply
