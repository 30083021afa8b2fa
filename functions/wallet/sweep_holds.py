"""Sweep expired holds: those of orders end as the order did, others are released at once."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Final

from functions.wallet.domain.holds import Hold
from functions.wallet.ports import SweepWork
from shared.jobs.items import for_batch

BATCH: Final = 500
MAX_BATCHES: Final = 20
"""How many batches one run processes at most; the rest waits for the next run."""


def sweep_holds(work: SweepWork) -> dict[str, int]:
    """Make holds of confirmed orders firm, release those of ended orders and of no order, postpone the others.

    Returns how many of each, and how many failed. Raises Unavailable.
    """
    done = Counter({"firm": 0, "released": 0, "postponed": 0, "failed": 0})
    for _ in range(MAX_BATCHES):
        with work.transaction() as reading:
            expired = reading.holds.expired(work.now(), BATCH)
        # Those of no order first: they are released even while the order service is unavailable.
        for holds in ([hold for hold in expired if not hold.order_id], [hold for hold in expired if hold.order_id]):
            ran = for_batch("sweep_holds", holds, lambda hold: hold.id, partial(_sweep, work), work)
            for swept in ran.results:
                done.update(swept)
            done["failed"] += ran.failed
        if len(expired) < BATCH:
            break
    return dict(done)


def _sweep(work: SweepWork, expired: Sequence[Hold]) -> dict[str, int]:
    order_ids = sorted({hold.order_id for hold in expired if hold.order_id})
    decisions = work.orders.decide(order_ids) if order_ids else {}
    firm = [hold.id for hold in expired if decisions.get(hold.order_id) == "confirmed"]
    ended = [hold.id for hold in expired if not hold.order_id or decisions.get(hold.order_id) == "ended"]
    undecided = sorted({hold.id for hold in expired} - {*firm, *ended})
    with work.transaction() as writing:
        writing.holds.firm(firm)
        placed = [hold for hold in writing.holds.lock(ended).values() if hold.status == "placed"]
        writing.holds.release(placed, {hold.id: "expired" for hold in placed})
        writing.holds.back_off(undecided, work.now())
    return {"firm": len(firm), "released": len(placed), "postponed": len(undecided)}
