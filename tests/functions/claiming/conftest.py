"""What tests of claims have in common: paid orders of an island, and their claims."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from functions.claiming.create_claim import CreateClaim
from functions.claiming.get_claim import GetClaim
from functions.claiming.views import ClaimView
from functions.order.domain.order import Order
from shared import ids
from shared.contracts.operations import Repeated
from tests.island import Island, Islander


@dataclass(frozen=True)
class Bought:
    """A paid order and its buyer; claiming has not heard of it."""

    island: Island
    buyer: Islander
    order: Order

    def claim(self, recipient: str | None = None) -> tuple[ClaimView, bool]:
        """Claim it: the claim, and whether it was there already."""
        request = CreateClaim(order_id=self.order.id, recipient=recipient)
        answer = self.island.run("create_claim", request=request, caller=self.buyer.caller)
        return (answer.view, True) if isinstance(answer, Repeated) else (answer, False)

    def view(self) -> ClaimView:
        """The claim as its owner sees it."""
        request = GetClaim(ids.sibling(self.order.id, "clm"))
        view: ClaimView = self.island.run("get_claim", request=request, caller=self.buyer.caller)
        return view

    def rows(self) -> list[dict[str, Any]]:
        """Its claims in the database."""
        sql = "SELECT id, status, version, recipient, voucher FROM claims WHERE order_id = :order_id"
        return self.island.books.rows("claiming", sql, order_id=self.order.id)

    def story(self) -> list[str]:
        """The types of the events of its claim, oldest first."""
        return [event.type for row in self.rows() for event in self.island.stream(row["id"])]


@pytest.fixture(scope="session")
def seller(island: Island) -> Islander:
    """Somebody who sells on the island."""
    return island.islander()


@pytest.fixture
def buy(island: Island, seller: Islander) -> Callable[..., Bought]:
    """Has somebody on the island buy: `buy(3, 1)` is a paid order of three units of a supply and one of another."""

    def purchase(*quantities: int, by: Islander | None = None) -> Bought:
        somebody = by or island.islander(USDC=1_000_000)
        lines = [(island.sell(seller), quantity) for quantity in quantities or (1,)]
        return Bought(island, somebody, island.buy(somebody, *lines))

    return purchase
