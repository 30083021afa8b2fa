"""End the holds that are past their time: those of orders by what became of the order, others at once."""

from collections.abc import Sequence
from typing import Final

from functions.wallet.domain.holds import Hold
from functions.wallet.ports import SweepWork

BATCH: Final = 500
BATCHES: Final = 20
"""How many a run takes at most: what is left waits for the next."""


def sweep_holds(work: SweepWork) -> dict[str, int]:
    """Firm the holds of confirmed orders, release those of ended ones and of no order, postpone the others.

    Returns how many of each. Raises Unavailable.
    """
    done = {"firm": 0, "released": 0, "postponed": 0}
    for _ in range(BATCHES):
        with work.transaction() as reading:
            expired = reading.holds.expired(work.now(), BATCH)
        if expired:
            for what, number in _sweep(expired, work).items():
                done[what] += number
        if len(expired) < BATCH:
            break
    return done


def _sweep(expired: Sequence[Hold], work: SweepWork) -> dict[str, int]:
    asked = sorted({hold.order_id for hold in expired if hold.order_id})
    try:
        decisions = work.orders.decide(asked) if asked else {}
    except Exception:
        # Whatever is wrong with these, the next run begins with others.
        with work.transaction() as writing:
            writing.holds.put_off([hold.id for hold in expired if hold.order_id], work.now())
        raise
    firm = [hold.id for hold in expired if decisions.get(hold.order_id) == "confirmed"]
    ended = [hold.id for hold in expired if not hold.order_id or decisions.get(hold.order_id) == "ended"]
    open_yet = sorted({hold.id for hold in expired} - {*firm, *ended})
    with work.transaction() as writing:
        writing.holds.firm(firm)
        placed = [hold for hold in writing.holds.lock(ended).values() if hold.status == "placed"]
        writing.holds.release(placed, {hold.id: "expired" for hold in placed})
        writing.holds.postpone(open_yet, work.now())
    return {"firm": len(firm), "released": len(placed), "postponed": len(open_yet)}
