"""What the identity service asks of others, over gRPC."""

from typing import TYPE_CHECKING

from shared.contracts.gen.wallet_pb2 import OpenDefaultRequest, OpenDefaultResponse

if TYPE_CHECKING:
    from shared.adapters.rpc import RpcChannel


class WalletClient:
    """The wallet service, as the identity service sees it."""

    def __init__(self, channel: "RpcChannel") -> None:
        self._channel = channel

    def open_default(self, user_id: str, address: str, chain_id: int) -> None:
        request = OpenDefaultRequest(user_id=user_id, address=address, chain_id=chain_id)
        self._channel.call("Wallet.OpenDefault", request, OpenDefaultResponse)
