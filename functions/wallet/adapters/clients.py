"""Clients of other services over gRPC."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from functions.wallet.domain.wallet import PayoutReference
from shared.contracts.gen.identity_pb2 import VerifyLinkRequest, VerifyLinkResponse
from shared.contracts.gen.supply_pb2 import DecidePayoutsRequest, DecidePayoutsResponse, Payout

if TYPE_CHECKING:
    from shared.rpc.channel import RpcChannel

MAX_BATCH: Final = 500
"""How many payouts one call checks."""

LINK_SECONDS: Final = 5.0
"""The timeout of VerifyLink, in seconds: identity may have to query a chain."""


class GrpcSupplies:
    """The supply service."""

    def __init__(self, channel: "RpcChannel") -> None:
        self._channel = channel

    def ended(self, references: Sequence[PayoutReference]) -> list[PayoutReference]:
        ended = set[tuple[str, str]]()
        for first in range(0, len(references), MAX_BATCH):
            batch = references[first : first + MAX_BATCH]
            payouts = [Payout(supply_id=each.supply_id, wallet_id=each.wallet_id) for each in batch]
            request = DecidePayoutsRequest(payouts=payouts)
            response = self._channel.call("Supply.DecidePayouts", request, DecidePayoutsResponse)
            ended |= {(payout.supply_id, payout.wallet_id) for payout in response.ended}
        return [each for each in references if (each.supply_id, each.wallet_id) in ended]


class GrpcIdentity:
    """The identity service."""

    def __init__(self, channel: "RpcChannel") -> None:
        self._channel = channel

    def link(self, user_id: str, message: str, signature: str, command: str) -> tuple[str, int]:
        request = VerifyLinkRequest(user_id=user_id, message=message, signature=signature, command=command)
        response = self._channel.call("Identity.VerifyLink", request, VerifyLinkResponse, LINK_SECONDS)
        return response.address, response.chain_id
