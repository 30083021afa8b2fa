"""What the claiming service asks of others, over gRPC."""

from typing import TYPE_CHECKING

from functions.claiming.domain.claim import Item
from functions.claiming.ports import Bought
from shared.contracts.gen.order_pb2 import GetStatusRequest, GetStatusResponse

if TYPE_CHECKING:
    from shared.adapters.rpc import RpcChannel


class OrderClient:
    """The order service, as the claiming service sees it."""

    def __init__(self, channel: "RpcChannel") -> None:
        self._channel = channel

    def bought(self, order_id: str) -> Bought:
        order = self._channel.call("Order.GetStatus", GetStatusRequest(order_id=order_id), GetStatusResponse)
        items = tuple(Item(item.chain_id, item.contract, int(item.token_id), item.quantity) for item in order.items)
        return Bought(order.order_id, order.user_id, order.address, items, order.claimable)
