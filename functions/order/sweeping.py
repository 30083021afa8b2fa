"""Doing what is due for orders, one by one: what advance_orders, expire_orders and mature_orders have in common."""

import logging
from collections.abc import Callable

from functions.order.domain.order import Order
from functions.order.ports import SagaWork, Task
from shared.errors import MeridianError

log = logging.getLogger(__name__)


def sweep(task: Task, most: int, step: Callable[[str], Order], work: SagaWork) -> tuple[list[Order], int]:
    """Take a step with orders that wait for a task. Returns them as they are since, and how many have to wait on.

    Whatever one order meets, a defect too, the ones behind it go on; a later sweep looks at it again.
    """
    with work.transaction() as taking:
        taken = taking.orders.take(task, most)
    swept = []
    for order_id in taken:
        try:
            swept.append(step(order_id))
        except MeridianError as error:
            log.warning("%s waits: %s", order_id, error)
        except Exception:
            log.exception("%s waits", order_id)
    return swept, len(taken) - len(swept)
