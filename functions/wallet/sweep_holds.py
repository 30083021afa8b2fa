"""Ask what became of the orders whose holds are past their time, and act on it."""

from functions.wallet.ports import SweepWork

BATCH = 500


def sweep_holds(work: SweepWork) -> dict[str, int]:
    """Firm the holds of confirmed orders, release those of ended ones. Returns how many of each. Raises Unavailable."""
    with work.transaction() as reading:
        expired = reading.holds.expired(work.now(), BATCH)
    if not expired:
        return {"firm": 0, "released": 0}
    decisions = work.orders.decide(sorted({hold.order_id for hold in expired}))
    firm = [hold.id for hold in expired if decisions.get(hold.order_id) == "confirmed"]
    ended = [hold.id for hold in expired if decisions.get(hold.order_id) == "ended"]
    with work.transaction() as writing:
        writing.holds.firm(firm)
        locked = writing.holds.lock(ended)
        placed = [hold for hold in locked.values() if hold.status == "placed"]
        writing.holds.release(placed, {hold.id: "expired" for hold in placed})
    return {"firm": len(firm), "released": len(placed)}
