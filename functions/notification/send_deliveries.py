"""Send to webhooks what is due."""

import time
from typing import Final

from functions.notification.ports import Courier, SendingWork
from functions.notification.sending import concluded

TAKING_SECONDS: Final = 20.0
"""How long one run takes up more; then it ends, and the next one goes on."""


def send_deliveries(work: SendingWork) -> dict[str, int]:
    """Send until nothing is due, several at once. Returns how many attempts succeeded and failed.

    What hangs is waited for while the rest goes on.
    """
    done = {"delivered": 0, "failed": 0}
    until = time.monotonic() + TAKING_SECONDS
    with work.courier() as courier:
        while _taken(courier, work, until) or courier.busy:
            attempts = courier.arrived()
            if attempts:
                with work.transaction() as concluding:
                    concluded(attempts, concluding)
            for attempt in attempts:
                done["delivered" if attempt.outcome.succeeded else "failed"] += 1
    return done


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
