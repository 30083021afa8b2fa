"""Send to webhooks what is due."""

import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Final

from functions.notification.ports import Attempt, Courier, SendingWork
from functions.notification.sending import concluded
from shared.jobs.items import for_batch

TAKING_SECONDS: Final = 20.0
"""How long one run takes up more; then it ends, and the next one goes on."""


def send_deliveries(work: SendingWork) -> dict[str, int]:
    """Send until nothing is due, several at once. Returns how many attempts succeeded, failed, and were not kept.

    What hangs is waited for while the rest goes on.
    """
    done = Counter({"delivered": 0, "failed": 0, "lost": 0})
    until = time.monotonic() + TAKING_SECONDS
    with work.courier() as courier:
        while _taken(courier, work, until) or courier.busy:
            ran = for_batch("send_deliveries", courier.arrived(), _name, partial(_conclude, work), work)
            for outcomes in ran.results:
                done.update(outcomes)
            done["lost"] += ran.failed
    return dict(done)


def _conclude(work: SendingWork, attempts: Sequence[Attempt]) -> Counter[str]:
    with work.transaction() as concluding:
        concluded(attempts, concluding)
    return Counter("delivered" if attempt.outcome.succeeded else "failed" for attempt in attempts)


def _name(attempt: Attempt) -> str:
    return attempt.parcel.delivery.name


def _taken(courier: Courier, work: SendingWork, until: float) -> int:
    """Take up what is due, as far as there is room, and begin to send it. Returns how many."""
    taken = 0
    for trusted in (True, False) if time.monotonic() < until else ():
        room = courier.room(trusted=trusted)
        if room:
            with work.transaction() as taking:
                parcels = taking.deliveries.take(trusted=trusted, most=room)
            courier.send(parcels, trusted=trusted)
            taken += len(parcels)
    return taken
