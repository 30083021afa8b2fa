"""What the wallet service asks of others, over gRPC."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from shared.contracts.decisions import Decision, decisions
from shared.contracts.gen.identity_pb2 import VerifyLinkRequest, VerifyLinkResponse
from shared.contracts.gen.order_pb2 import DecideRequest, DecideResponse

if TYPE_CHECKING:
    from shared.adapters.rpc import RpcChannel

LINK_SECONDS: Final = 5.0
"""Identity may have to ask a chain."""


class OrderClient:
    """The order service, as the wallet service sees it."""

    def __init__(self, channel: "RpcChannel") -> None:
        self._channel = channel

    def decide(self, order_ids: Sequence[str]) -> Mapping[str, Decision]:
        response = self._channel.call("Order.Decide", DecideRequest(order_ids=order_ids), DecideResponse)
        return decisions(response)


class IdentityClient:
    """The identity service, as the wallet service sees it."""

    def __init__(self, channel: "RpcChannel") -> None:
        self._channel = channel

    def link(self, user_id: str, message: str, signature: str, command: str) -> tuple[str, int]:
        request = VerifyLinkRequest(user_id=user_id, message=message, signature=signature, command=command)
        response = self._channel.call("Identity.VerifyLink", request, VerifyLinkResponse, LINK_SECONDS)
        return response.address, response.chain_id
