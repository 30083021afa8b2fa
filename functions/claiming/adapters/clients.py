"""Clients of other services over gRPC."""

from datetime import UTC
from typing import TYPE_CHECKING

from functions.claiming.domain.claim import Item
from functions.claiming.domain.receipt import Line, Purchase
from functions.claiming.ports import ClaimOrder
from shared import ids
from shared.contracts.gen.order_pb2 import GetStatusRequest, GetStatusResponse

if TYPE_CHECKING:
    from shared.rpc.channel import RpcChannel


class GrpcOrders:
    """The order service."""

    def __init__(self, channel: "RpcChannel") -> None:
        self._channel = channel

    def for_claim(self, order_id: str) -> ClaimOrder:
        order = self._status(order_id)
        items = tuple(
            Item(item.chain_id, item.contract, int(item.token_id), item.quantity, item.supply_id)
            for item in order.items
        )
        return ClaimOrder(order.order_id, order.user_id, order.address, items, order.claimable, order.merchant_id)

    def for_receipt(self, order_id: str) -> Purchase:
        order = self._status(order_id)
        return Purchase(
            order_id=order.order_id,
            merchant_id=order.merchant_id,
            wallet_id=order.wallet_id,
            address=order.address,
            currency=order.currency,
            total=order.total,
            # A free order has no hold.
            hold_id=ids.sibling(order.order_id, "hld") if order.total != "0" else "",
            paid_at=order.paid_at.ToDatetime(UTC) if order.HasField("paid_at") else None,
            lines=tuple(Line(item.item_id, item.supply_id, item.quantity) for item in order.items),
        )

    def _status(self, order_id: str) -> GetStatusResponse:
        return self._channel.call("Order.GetStatus", GetStatusRequest(order_id=order_id), GetStatusResponse)
