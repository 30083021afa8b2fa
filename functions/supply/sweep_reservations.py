"""Ask what became of the orders whose reservations are past their time, and act on it."""

from functions.supply.ports import SweepWork
from functions.supply.returning import give_back

BATCH = 500


def sweep_reservations(work: SweepWork) -> dict[str, int]:
    """Firm the reservations of confirmed orders, release those of ended ones. Returns how many of each.

    Raises Unavailable.
    """
    with work.transaction() as reading:
        expired = reading.stock.expired(work.now(), BATCH)
    if not expired:
        return {"firm": 0, "released": 0}
    decisions = work.orders.decide(sorted({reservation.order_id for reservation in expired}))
    firm = [reservation for reservation in expired if decisions.get(reservation.order_id) == "confirmed"]
    ended = [reservation for reservation in expired if decisions.get(reservation.order_id) == "ended"]
    with work.transaction() as writing:
        writing.stock.firm([reservation.id for reservation in firm])
        give_back(ended, "expired", writing)
    return {"firm": len(firm), "released": len(ended)}
