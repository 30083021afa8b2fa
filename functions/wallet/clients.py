"""What the wallet service asks of others, over gRPC."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from functions.wallet.domain.wallet import Reference
from shared.contracts.decisions import Decision, decisions
from shared.contracts.gen.identity_pb2 import VerifyLinkRequest, VerifyLinkResponse
from shared.contracts.gen.order_pb2 import DecideRequest, DecideResponse
from shared.contracts.gen.supply_pb2 import DecidePayoutsRequest, DecidePayoutsResponse, Payout

if TYPE_CHECKING:
    from shared.adapters.rpc import RpcChannel

AT_ONCE: Final = 500
"""How many payouts are asked about in one call."""

LINK_SECONDS: Final = 5.0
"""Identity may have to ask a chain."""


class OrderClient:
    """The order service, as the wallet service sees it."""

    def __init__(self, channel: "RpcChannel") -> None:
        self._channel = channel

    def decide(self, order_ids: Sequence[str]) -> Mapping[str, Decision]:
        response = self._channel.call("Order.Decide", DecideRequest(order_ids=order_ids), DecideResponse)
        return decisions(response)


class SupplyClient:
    """The supply service, as the wallet service sees it."""

    def __init__(self, channel: "RpcChannel") -> None:
        self._channel = channel

    def ended(self, references: Sequence[Reference]) -> list[Reference]:
        ended = set[tuple[str, str]]()
        for first in range(0, len(references), AT_ONCE):
            asked = references[first : first + AT_ONCE]
            payouts = [Payout(supply_id=each.supply_id, wallet_id=each.wallet_id) for each in asked]
            request = DecidePayoutsRequest(payouts=payouts)
            response = self._channel.call("Supply.DecidePayouts", request, DecidePayoutsResponse)
            ended |= {(payout.supply_id, payout.wallet_id) for payout in response.ended}
        return [each for each in references if (each.supply_id, each.wallet_id) in ended]


class IdentityClient:
    """The identity service, as the wallet service sees it."""

    def __init__(self, channel: "RpcChannel") -> None:
        self._channel = channel

    def link(self, user_id: str, message: str, signature: str, command: str) -> tuple[str, int]:
        request = VerifyLinkRequest(user_id=user_id, message=message, signature=signature, command=command)
        response = self._channel.call("Identity.VerifyLink", request, VerifyLinkResponse, LINK_SECONDS)
        return response.address, response.chain_id
