"""Raw RPCs of the order service to an isolated supply service."""

from datetime import UTC, datetime, timedelta

from functions.supply.views import SupplyView
from shared import ids
from shared.contracts.gen.supply_pb2 import (
    ReleaseStockRequest,
    ReleaseStockResponse,
    ReserveRequest,
    ReserveResponse,
)
from tests.isolated_services import IsolatedServices, IsolatedUser


def an_order(
    somebody: IsolatedUser, *lines: tuple[SupplyView | str, int], within: timedelta = timedelta(minutes=15)
) -> ReserveRequest.Order:
    """An order for so many units of supplies, given as objects or by their ids."""
    cell = ids.parse(somebody.user_id, "usr").cell
    order = ReserveRequest.Order(order_id=ids.new("ord", cell), user_id=somebody.user_id)
    for supply, quantity in lines:
        supply_id = supply if isinstance(supply, str) else supply.id
        order.lines.add(
            reservation_id=ids.sibling(ids.new("itm", cell), "rsv"),
            supply_id=supply_id,
            quantity=quantity,
            unit_price="1000",
        )
    order.expires_at.FromDatetime(datetime.now(UTC) + within)
    return order


def reserve(isolated: IsolatedServices, *orders: ReserveRequest.Order) -> list[str]:
    """Reserve in one batch; the refusal code of each order, empty if reserved."""
    request = ReserveRequest(orders=orders)
    response = isolated.rpc("supply", "order").call("Supply.Reserve", request, ReserveResponse, 30)
    assert [outcome.order_id for outcome in response.outcomes] == [order.order_id for order in orders]
    return [outcome.refusal for outcome in response.outcomes]


def release(isolated: IsolatedServices, *orders: ReserveRequest.Order, reason: str = "cancelled") -> list[bool]:
    """Release in one batch; whether each order has nothing reserved or sold any more."""
    releases = [
        ReleaseStockRequest.Release(order_id=order.order_id, lines=order.lines, user_id=order.user_id, reason=reason)
        for order in orders
    ]
    request = ReleaseStockRequest(releases=releases)
    response = isolated.rpc("supply", "order").call("Supply.ReleaseStock", request, ReleaseStockResponse, 30)
    assert [outcome.order_id for outcome in response.outcomes] == [order.order_id for order in orders]
    return [outcome.released for outcome in response.outcomes]


def left(isolated: IsolatedServices, supply: SupplyView) -> tuple[int, int, int]:
    """A supply's units: (available, reserved, sold), asserted to add up to its quantity."""
    stock = isolated.probe.stock(supply.id)
    assert stock.quantity == stock.available + stock.reserved + stock.sold == supply.quantity
    return stock.available, stock.reserved, stock.sold


def story(isolated: IsolatedServices, order: ReserveRequest.Order) -> list[list[str]]:
    """The types of the events of each of an order's reservations, oldest first."""
    return [[event.type for event in isolated.stream(line.reservation_id)] for line in order.lines]
