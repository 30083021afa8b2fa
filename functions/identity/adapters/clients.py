"""Clients of other services over gRPC."""

from typing import TYPE_CHECKING

from shared.contracts.gen.wallet_pb2 import OpenDefaultRequest, OpenDefaultResponse

if TYPE_CHECKING:
    from shared.rpc.channel import RpcChannel


class GrpcWallets:
    """The wallet service."""

    def __init__(self, channel: "RpcChannel") -> None:
        self._channel = channel

    def open_default(self, user_id: str, address: str, chain_id: int) -> None:
        request = OpenDefaultRequest(user_id=user_id, address=address, chain_id=chain_id)
        self._channel.call("Wallet.OpenDefault", request, OpenDefaultResponse)
