"""Doing what is due for orders, one by one: what advance_orders, expire_orders and mature_orders have in common."""

from collections.abc import Callable

from functions.order.domain.order import Order
from functions.order.ports import SagaWork, Task
from shared.jobs.items import for_each


def sweep(task: Task, most: int, step: Callable[[str], Order], work: SagaWork) -> tuple[list[Order], int]:
    """Take a step with orders that wait for a task. Returns them as they are since, and how many have to wait on.

    Whatever one order meets, a defect too, the ones behind it go on, since they need other services than it does, or
    none; a later sweep looks at it again.
    """
    with work.transaction() as taking:
        taken = taking.orders.take(task, most)
    ran = for_each(task, taken, str, step, work, same_dependency=False)
    return list(ran.results), ran.failed
