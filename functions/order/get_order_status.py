"""Return what claiming needs of an order."""

from functions.order.ports import OrderWork
from shared.contracts.gen.order_pb2 import GetStatusRequest, GetStatusResponse, Item


def get_order_status(request: GetStatusRequest, work: OrderWork) -> GetStatusResponse:
    """The order, and whether it may be claimed. Raises NotFound."""
    order = work.orders.lock(request.order_id)
    return GetStatusResponse(
        order_id=order.id,
        user_id=order.user_id,
        status=order.status,
        claimable=order.claimable,
        address=order.address,
        items=[
            Item(
                item_id=item.item_id,
                supply_id=item.supply_id,
                quantity=item.quantity,
                chain_id=item.chain_id,
                contract=item.contract,
                token_id=item.token_id,
                standard=item.standard,
            )
            for item in order.items
        ],
        merchant_id=order.merchant_id,
        wallet_id=order.wallet_id,
        currency=order.currency,
        total=str(order.total),
        paid_at=order.paid_at,
    )
