"""What the order service decided about orders, for the services that reserve something for them until a time."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from shared.contracts.decisions import Decision, decisions
from shared.contracts.gen.order_pb2 import DecideRequest, DecideResponse

if TYPE_CHECKING:
    from shared.rpc.channel import RpcChannel


class GrpcOrderDecisions:
    """The decisions of the order service. channel: to that service."""

    def __init__(self, channel: "RpcChannel") -> None:
        self._channel = channel

    def decide(self, order_ids: Sequence[str]) -> Mapping[str, Decision]:
        """What became of each order, by its id. Raises Unavailable."""
        response = self._channel.call("Order.Decide", DecideRequest(order_ids=order_ids), DecideResponse)
        return decisions(response)
