"""The services that the supply service calls over gRPC."""

from typing import TYPE_CHECKING, Final

from shared.contracts.gen.wallet_pb2 import DescribeRequest, DescribeResponse, ReferPayoutRequest, ReferPayoutResponse
from shared.errors import NotFound

if TYPE_CHECKING:
    from shared.rpc.channel import RpcChannel


NO_PAYOUT_WALLET: Final = "There is no such wallet of yours to pay out to."


class GrpcWallets:
    """The wallet service over gRPC."""

    def __init__(self, channel: "RpcChannel") -> None:
        self._channel = channel

    def payout_wallet(self, supply_id: str, user_id: str, wallet_id: str | None) -> str:
        if wallet_id == "":
            raise NotFound(NO_PAYOUT_WALLET)
        request = ReferPayoutRequest(supply_id=supply_id, user_id=user_id, wallet_id=wallet_id)
        try:
            return self._channel.call("Wallet.ReferPayout", request, ReferPayoutResponse).wallet_id
        except NotFound as absent:
            raise NotFound(NO_PAYOUT_WALLET) from absent

    def address(self, user_id: str, wallet_id: str | None) -> str:
        return self._own(user_id, wallet_id, "There is no such wallet of yours.").address

    def proven_address(self, user_id: str, wallet_id: str) -> tuple[str, int]:
        own = self._own(user_id, wallet_id, NO_PAYOUT_WALLET)
        return own.address, own.chain_id

    def _own(self, user_id: str, wallet_id: str | None, absent: str) -> DescribeResponse.Wallet:
        default_of, wallet_ids = ([user_id], []) if wallet_id is None else ([], [wallet_id])
        request = DescribeRequest(default_of=default_of, wallet_ids=wallet_ids)
        wallets = self._channel.call("Wallet.Describe", request, DescribeResponse).wallets
        own = [wallet for wallet in wallets if wallet.user_id == user_id and wallet.open]
        if not own:
            raise NotFound(absent)
        return own[0]
