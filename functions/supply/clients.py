"""What the supply service asks of others, over gRPC."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from shared.contracts.decisions import Decision, decisions
from shared.contracts.gen.order_pb2 import DecideRequest, DecideResponse
from shared.contracts.gen.wallet_pb2 import DescribeRequest, DescribeResponse, ReferPayoutRequest, ReferPayoutResponse
from shared.errors import NotFound

if TYPE_CHECKING:
    from shared.adapters.rpc import RpcChannel


NO_PAYEE: Final = "There is no such wallet of yours to pay out to."


class OrderClient:
    """The order service, as the supply service sees it."""

    def __init__(self, channel: "RpcChannel") -> None:
        self._channel = channel

    def decide(self, order_ids: Sequence[str]) -> Mapping[str, Decision]:
        response = self._channel.call("Order.Decide", DecideRequest(order_ids=order_ids), DecideResponse)
        return decisions(response)


class WalletClient:
    """The wallet service, as the supply service sees it."""

    def __init__(self, channel: "RpcChannel") -> None:
        self._channel = channel

    def payout_wallet(self, supply_id: str, user_id: str, wallet_id: str | None) -> str:
        if wallet_id == "":
            raise NotFound(NO_PAYEE)
        request = ReferPayoutRequest(supply_id=supply_id, user_id=user_id, wallet_id=wallet_id)
        try:
            return self._channel.call("Wallet.ReferPayout", request, ReferPayoutResponse).wallet_id
        except NotFound as absent:
            raise NotFound(NO_PAYEE) from absent

    def address(self, user_id: str, wallet_id: str | None) -> str:
        return self._own(user_id, wallet_id, "There is no such wallet of yours.").address

    def proven_address(self, user_id: str, wallet_id: str) -> tuple[str, int]:
        own = self._own(user_id, wallet_id, NO_PAYEE)
        return own.address, own.chain_id

    def _own(self, user_id: str, wallet_id: str | None, absent: str) -> DescribeResponse.Wallet:
        asked = DescribeRequest(default_of=[user_id]) if wallet_id is None else DescribeRequest(wallet_ids=[wallet_id])
        wallets = self._channel.call("Wallet.Describe", asked, DescribeResponse).wallets
        own = [wallet for wallet in wallets if wallet.user_id == user_id and wallet.open]
        if not own:
            raise NotFound(absent)
        return own[0]
