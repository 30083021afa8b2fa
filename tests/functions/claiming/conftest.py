"""What tests of claims have in common: paid orders of isolated services, and their claims."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from functions.claiming.get_claim import GetClaim
from functions.claiming.requests import CreateClaim
from functions.claiming.views import ClaimView
from functions.order.domain.order import Order
from shared import ids
from shared.contracts.operations import Repeated
from tests.isolated_services import IsolatedServices, IsolatedUser


@dataclass(frozen=True)
class Bought:
    """A paid order and its buyer; claiming has not received the event."""

    isolated: IsolatedServices
    buyer: IsolatedUser
    order: Order

    def claim(self, recipient: str | None = None) -> tuple[ClaimView, bool]:
        """Claim it: the claim, and whether it was there already."""
        request = CreateClaim(order_id=self.order.id, recipient=recipient)
        answer = self.isolated.run("create_claim", request=request, caller=self.buyer.caller)
        return (answer.view, True) if isinstance(answer, Repeated) else (answer, False)

    def view(self) -> ClaimView:
        """The claim as its owner sees it."""
        request = GetClaim(ids.sibling(self.order.id, "clm"))
        view: ClaimView = self.isolated.run("get_claim", request=request, caller=self.buyer.caller)
        return view

    def rows(self) -> list[dict[str, Any]]:
        """Its claims in the database."""
        sql = "SELECT id, status, version, recipient, voucher FROM claims WHERE order_id = :order_id"
        return self.isolated.probe.rows("claiming", sql, order_id=self.order.id)

    def story(self) -> list[str]:
        """The types of the events of its claim, oldest first."""
        return [event.type for row in self.rows() for event in self.isolated.stream(row["id"])]


@pytest.fixture(scope="session")
def seller(isolated: IsolatedServices) -> IsolatedUser:
    """A user of the isolated services who sells."""
    return isolated.new_user()


@pytest.fixture
def buy(isolated: IsolatedServices, seller: IsolatedUser) -> Callable[..., Bought]:
    """Has a new user buy: `buy(3, 1)` is a paid order of three units of a supply and one of another."""

    def purchase(*quantities: int, by: IsolatedUser | None = None) -> Bought:
        somebody = by or isolated.new_user(USDC=1_000_000)
        lines = [(isolated.sell(seller), quantity) for quantity in quantities or (1,)]
        return Bought(isolated, somebody, isolated.buy(somebody, *lines))

    return purchase
