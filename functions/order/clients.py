"""What the order service asks of others, over gRPC. Every command carries an id that derives from the order's."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from functions.order.domain.order import Order
from functions.order.domain.placing import Terms
from functions.order.ports import Refusal
from shared import ids
from shared.contracts.gen import supply_pb2, wallet_pb2
from shared.errors import NotFound

if TYPE_CHECKING:
    from shared.adapters.rpc import RpcChannel

REASON: Final = {"pending": "cancelled", "confirmed": "cancelled"}
"""Why a hold is released of an order that has no outcome yet; else its outcome says why."""


class SupplyClient:
    """The supply service, as the order service sees it."""

    def __init__(self, channel: "RpcChannel") -> None:
        self._channel = channel

    def describe(self, supply_ids: Sequence[str], user_id: str) -> dict[str, Terms]:
        request = supply_pb2.DescribeRequest(supply_ids=supply_ids, user_id=user_id)
        response = self._channel.call("Supply.Describe", request, supply_pb2.DescribeResponse)
        return {
            terms.supply_id: Terms(
                supply_id=terms.supply_id,
                merchant_id=terms.merchant_id,
                payout_wallet_id=terms.payout_wallet_id,
                title=terms.title,
                currency=terms.currency,
                unit_price=int(terms.unit_price),
                chain_id=terms.asset.chain_id,
                contract=terms.asset.contract,
                token_id=terms.asset.token_id,
                standard=terms.asset.standard,
            )
            for terms in response.supplies
        }

    def reserve(self, order: Order) -> Refusal | None:
        asked = supply_pb2.ReserveRequest.Order(
            order_id=order.id, user_id=order.user_id, lines=_lines(order), expires_at=order.expires_at
        )
        request = supply_pb2.ReserveRequest(orders=[asked])
        outcome = self._channel.call("Supply.Reserve", request, supply_pb2.ReserveResponse).outcomes[0]
        return (outcome.refusal, outcome.detail) if outcome.refusal else None

    def release(self, order: Order) -> None:
        release = supply_pb2.ReleaseStockRequest.Release(
            order_id=order.id, lines=_lines(order), user_id=order.user_id, reason=REASON.get(order.status, order.status)
        )
        request = supply_pb2.ReleaseStockRequest(releases=[release])
        self._channel.call("Supply.ReleaseStock", request, supply_pb2.ReleaseStockResponse)


class WalletClient:
    """The wallet service, as the order service sees it."""

    def __init__(self, channel: "RpcChannel") -> None:
        self._channel = channel

    def address(self, wallet_id: str, owner: str) -> str:
        request = wallet_pb2.DescribeRequest(wallet_ids=[wallet_id])
        wallets = self._channel.call("Wallet.Describe", request, wallet_pb2.DescribeResponse).wallets
        if not wallets or wallets[0].user_id != owner:
            raise NotFound("There is no such wallet.")
        return wallets[0].address

    def hold(self, order: Order) -> Refusal | None:
        hold = wallet_pb2.PlaceHoldRequest.Hold(
            hold_id=order.hold_id,
            order_id=order.id,
            wallet_id=order.wallet_id,
            currency=order.currency,
            amount=str(order.total),
            expires_at=order.expires_at,
        )
        request = wallet_pb2.PlaceHoldRequest(holds=[hold])
        outcome = self._channel.call("Wallet.PlaceHold", request, wallet_pb2.PlaceHoldResponse).outcomes[0]
        return (outcome.refusal, outcome.detail) if outcome.refusal else None

    def release(self, order: Order) -> bool:
        release = wallet_pb2.ReleaseHoldRequest.Release(
            hold_id=order.hold_id, order_id=order.id, reason=REASON.get(order.status, order.status)
        )
        request = wallet_pb2.ReleaseHoldRequest(releases=[release])
        outcome = self._channel.call("Wallet.ReleaseHold", request, wallet_pb2.ReleaseHoldResponse).outcomes[0]
        return outcome.state == wallet_pb2.ReleaseHoldResponse.STATE_RELEASED


def _lines(order: Order) -> list[supply_pb2.ReserveRequest.Line]:
    return [
        supply_pb2.ReserveRequest.Line(
            reservation_id=ids.sibling(item.item_id, "rsv"),
            supply_id=item.supply_id,
            quantity=item.quantity,
            unit_price=str(item.unit_price),
        )
        for item in order.items
    ]
