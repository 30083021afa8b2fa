"""End the holds that are past their time: those of orders by what became of the order, others at once."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Final

from functions.wallet.domain.holds import Hold
from functions.wallet.ports import SweepWork
from shared.jobs.items import for_batch

BATCH: Final = 500
BATCHES: Final = 20
"""How many a run takes at most: what is left waits for the next."""


def sweep_holds(work: SweepWork) -> dict[str, int]:
    """Firm the holds of confirmed orders, release those of ended ones and of no order, postpone the others.

    Returns how many of each, and how many failed. Raises Unavailable.
    """
    done = Counter({"firm": 0, "released": 0, "postponed": 0, "failed": 0})
    for _ in range(BATCHES):
        with work.transaction() as reading:
            expired = reading.holds.expired(work.now(), BATCH)
        # Those of no order first: they go also while there is nobody to ask.
        for holds in ([hold for hold in expired if not hold.order_id], [hold for hold in expired if hold.order_id]):
            ran = for_batch("sweep_holds", holds, lambda hold: hold.id, partial(_sweep, work), work)
            for swept in ran.results:
                done.update(swept)
            done["failed"] += ran.failed
        if len(expired) < BATCH:
            break
    return dict(done)


def _sweep(work: SweepWork, expired: Sequence[Hold]) -> dict[str, int]:
    asked = sorted({hold.order_id for hold in expired if hold.order_id})
    decisions = work.orders.decide(asked) if asked else {}
    firm = [hold.id for hold in expired if decisions.get(hold.order_id) == "confirmed"]
    ended = [hold.id for hold in expired if not hold.order_id or decisions.get(hold.order_id) == "ended"]
    open_yet = sorted({hold.id for hold in expired} - {*firm, *ended})
    with work.transaction() as writing:
        writing.holds.firm(firm)
        placed = [hold for hold in writing.holds.lock(ended).values() if hold.status == "placed"]
        writing.holds.release(placed, {hold.id: "expired" for hold in placed})
        writing.holds.postpone(open_yet, work.now())
    return {"firm": len(firm), "released": len(placed), "postponed": len(open_yet)}
