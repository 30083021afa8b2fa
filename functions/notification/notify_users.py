"""Notify users of events: in their feeds, and by their webhooks."""

from functions.notification.domain.recipients import notices
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

OrderEvents = (
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
SupplyEvents = SupplyCreated | SupplyUpdated | SupplyRestocked | SupplySoldOut | SupplyArchived
WalletEvents = TransferPosted | DepositCredited | WithdrawalSent | WithdrawalMined | WithdrawalFailed


def notify_users(
    event: Event[OrderEvents | ClaimProcessed | ClaimFailed | SupplyEvents | WalletEvents], work: NoticeWork
) -> None:
    """Place the event in its recipients' feeds, and queue it for their webhooks."""
    work.notices.record(event, notices(event.type, event.fields))
