"""Tell those whom something concerns: in their feed, and at the addresses that they gave for it."""

from functions.notification.domain.concerning import notices
from functions.notification.ports import NoticeWork
from shared.contracts.events import Event
from shared.contracts.gen.claim_events_pb2 import ClaimFailed, ClaimProcessed
from shared.contracts.gen.order_events_pb2 import (
    OrderCancelled,
    OrderClaimed,
    OrderCompleted,
    OrderConfirmed,
    OrderExpired,
    OrderFailed,
    OrderPaid,
    OrderRefunded,
    OrderRefundRefused,
)
from shared.contracts.gen.supply_events_pb2 import (
    SupplyArchived,
    SupplyCreated,
    SupplyRestocked,
    SupplySoldOut,
    SupplyUpdated,
)
from shared.contracts.gen.wallet_events_pb2 import (
    DepositCredited,
    TransferPosted,
    WithdrawalFailed,
    WithdrawalMined,
    WithdrawalSent,
)

OfOrders = (
    OrderConfirmed
    | OrderPaid
    | OrderFailed
    | OrderCancelled
    | OrderExpired
    | OrderRefundRefused
    | OrderRefunded
    | OrderClaimed
    | OrderCompleted
)
OfSupplies = SupplyCreated | SupplyUpdated | SupplyRestocked | SupplySoldOut | SupplyArchived
OfMoney = TransferPosted | DepositCredited | WithdrawalSent | WithdrawalMined | WithdrawalFailed


def notify_users(
    event: Event[OfOrders | ClaimProcessed | ClaimFailed | OfSupplies | OfMoney], work: NoticeWork
) -> None:
    """Give the event its place in the feeds of those whom it concerns, and queue it for their webhooks."""
    work.notices.note(event, notices(event.type, event.fields))
