"""The sweep over due orders, one by one: shared by advance_orders, expire_orders and mature_orders."""

from collections.abc import Callable

from functions.order.domain.order import Order
from functions.order.ports import OrderWork, SagaWork, Task
from shared.jobs.items import for_each


def sweep(task: Task, most: int, step: Callable[[str], Order], work: SagaWork) -> tuple[list[Order], int]:
    """Take a step with each order that is due for a task. Returns the orders afterwards, and how many steps failed.

    A failure, even a defect, is isolated to its order: the ones behind it may need other services, or none. A later
    sweep retries it.
    """
    with work.transaction() as taking:
        taken = taking.orders.take(task, most)
    ran = for_each(task, taken, str, step, work, same_dependency=False)
    return list(ran.results), ran.failed


def sweep_in_transactions(
    task: Task, most: int, step: Callable[[str, OrderWork], Order], work: SagaWork
) -> tuple[list[Order], int]:
    """Sweep with a step that is one transaction. Returns what sweep does."""

    def run(order_id: str) -> Order:
        with work.transaction() as transaction:
            return step(order_id, transaction)

    return sweep(task, most, run, work)
