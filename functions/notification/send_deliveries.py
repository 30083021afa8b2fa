"""Send due deliveries to webhooks."""

import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Final

from functions.notification.delivery_results import record_results
from functions.notification.ports import Attempt, Courier, SendingWork
from shared.jobs.items import for_batch

TAKING_SECONDS: Final = 20.0
"""How long one run takes new deliveries; then it ends, and the next run continues."""


def send_deliveries(work: SendingWork) -> dict[str, int]:
    """Send until nothing is due, several at once. Returns how many attempts succeeded, failed, and were not recorded.

    An address that hangs does not stop the others meanwhile.
    """
    done = Counter({"delivered": 0, "failed": 0, "lost": 0})
    until = time.monotonic() + TAKING_SECONDS
    with work.courier() as courier:
        while _take(courier, work, until) or courier.busy:
            ran = for_batch("send_deliveries", courier.completed(), _name, partial(_conclude, work), work)
            for outcomes in ran.results:
                done.update(outcomes)
            done["lost"] += ran.failed
    return dict(done)


def _conclude(work: SendingWork, attempts: Sequence[Attempt]) -> Counter[str]:
    with work.transaction() as concluding:
        record_results(attempts, concluding)
    return Counter("delivered" if attempt.outcome.succeeded else "failed" for attempt in attempts)


def _name(attempt: Attempt) -> str:
    return attempt.parcel.delivery.name


def _take(courier: Courier, work: SendingWork, until: float) -> int:
    """Take as many due deliveries as there is capacity for, and start sending them. Returns how many."""
    taken = 0
    for trusted in (True, False) if time.monotonic() < until else ():
        capacity = courier.capacity(trusted=trusted)
        if capacity:
            with work.transaction() as taking:
                parcels = taking.deliveries.take(trusted=trusted, most=capacity)
            courier.send(parcels, trusted=trusted)
            taken += len(parcels)
    return taken
