"""End the holds that are past their time: those of orders by what became of the order, others at once."""

from functions.wallet.ports import SweepWork

BATCH = 500


def sweep_holds(work: SweepWork) -> dict[str, int]:
    """Firm the holds of confirmed orders; release those of ended ones, and those of no order.

    Returns how many of each. Raises Unavailable.
    """
    with work.transaction() as reading:
        expired = reading.holds.expired(work.now(), BATCH)
    if not expired:
        return {"firm": 0, "released": 0}
    asked = sorted({hold.order_id for hold in expired if hold.order_id})
    decisions = work.orders.decide(asked) if asked else {}
    firm = [hold.id for hold in expired if decisions.get(hold.order_id) == "confirmed"]
    ended = [hold.id for hold in expired if not hold.order_id or decisions.get(hold.order_id) == "ended"]
    with work.transaction() as writing:
        writing.holds.firm(firm)
        locked = writing.holds.lock(ended)
        placed = [hold for hold in locked.values() if hold.status == "placed"]
        writing.holds.release(placed, {hold.id: "expired" for hold in placed})
    return {"firm": len(firm), "released": len(placed)}
