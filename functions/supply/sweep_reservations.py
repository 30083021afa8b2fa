"""Query the orders of expired reservations, and release or firm the reservations accordingly."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Final

from functions.supply.domain.reservation import Reservation
from functions.supply.ports import SweepWork
from functions.supply.stock_return import release_all
from shared.jobs.items import for_batch

BATCH: Final = 500
BATCHES: Final = 20
"""The most batches per run; the rest waits for the next run."""


def sweep_reservations(work: SweepWork) -> dict[str, int]:
    """Firm the reservations of confirmed orders (they no longer expire), release those of ended ones, back off others.

    Returns how many of each, and how many failed. Raises Unavailable.
    """
    done = Counter({"firm": 0, "released": 0, "postponed": 0, "failed": 0})
    for _ in range(BATCHES):
        with work.transaction() as reading:
            expired = reading.stock.expired(work.now(), BATCH)
        ran = for_batch("sweep_reservations", expired, lambda each: each.id, partial(_sweep, work), work)
        for swept in ran.results:
            done.update(swept)
        done["failed"] += ran.failed
        if len(expired) < BATCH:
            break
    return dict(done)


def _sweep(work: SweepWork, expired: Sequence[Reservation]) -> dict[str, int]:
    decisions = work.orders.decide(sorted({reservation.order_id for reservation in expired}))
    firm = [reservation for reservation in expired if decisions.get(reservation.order_id) == "confirmed"]
    ended = [reservation for reservation in expired if decisions.get(reservation.order_id) == "ended"]
    undecided = [reservation.id for reservation in expired if reservation not in firm and reservation not in ended]
    with work.transaction() as writing:
        release_all(ended, "expired", writing)
        writing.stock.firm([reservation.id for reservation in firm])
        writing.stock.back_off(undecided, work.now())
    return {"firm": len(firm), "released": len(ended), "postponed": len(undecided)}
