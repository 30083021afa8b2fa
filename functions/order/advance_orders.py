"""Go on with orders whose request was cut off."""

import logging
from datetime import timedelta
from typing import Final

from functions.order import saga
from functions.order.ports import SagaWork
from shared.errors import MeridianError

log = logging.getLogger(__name__)

BATCH: Final = 100
SILENT_FOR: Final = timedelta(seconds=15)
"""Longer than a request's lease, so that the sweeper does not do what a request is at."""


def advance_orders(work: SagaWork) -> dict[str, int]:
    """Bring stranded orders to their outcome. Returns how many, and how many have to wait for a service."""
    with work.transaction() as reading:
        stranded = reading.orders.stranded(work.now() - SILENT_FOR, BATCH)
    waiting = 0
    for order_id in stranded:
        try:
            saga.advance(order_id, work)
        except MeridianError as error:  # whatever one order meets, the ones behind it go on
            log.warning("%s waits: %s", order_id, error)
            waiting += 1
    return {"advanced": len(stranded) - waiting, "waiting": waiting}
