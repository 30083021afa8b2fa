"""Credit money from other cells that could not be credited when it arrived."""

from functools import partial
from typing import Final

from functions.wallet.ports import SweepWork
from functions.wallet.transit_posting import credit_arrival
from shared.errors import NotFound
from shared.jobs.items import for_each

MAX_BATCH: Final = 500
"""How many arrivals one run tries."""


def credit_transits(work: SweepWork) -> dict[str, int]:
    """Try arrivals again, each in a transaction of its own. Returns how many were credited, and how many cannot be yet.

    Raises Unavailable.
    """
    with work.transaction() as reading:
        waiting = reading.transits.uncredited(MAX_BATCH)
    ran = for_each("credit_transits", waiting, _name, partial(_credit, work), work)
    return {"credited": sum(ran.results), "failed": ran.failed}


def _credit(work: SweepWork, place: tuple[str, int]) -> bool:
    with work.transaction() as writing:
        arrival = writing.transits.lock_uncredited(*place)
        if arrival is None:
            return False  # credited meanwhile
        if not credit_arrival(arrival, writing):
            raise NotFound(f"There is no wallet here for what {arrival.giver} sent, or it would overflow.")
        return True


def _name(place: tuple[str, int]) -> str:
    return f"{place[0]} {place[1]}"
