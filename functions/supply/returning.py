"""Giving stock back: what release_stock, return_reserved and the sweeper have in common."""

from collections.abc import Sequence

from functions.supply.domain.reserving import Reservation
from functions.supply.ports import SupplyWork


def give_back(wanted: Sequence[Reservation], reason: str, work: SupplyWork) -> list[Reservation]:
    """Release what is reserved, bury what is unknown. Returns those that were committed, and so stay sold.

    wanted: the reservations as the order would have made them; stock is locked before they are looked at.
    """
    work.stock.lock(sorted({reservation.supply_id for reservation in wanted}))
    known = work.stock.find([reservation.id for reservation in wanted])
    work.stock.release([found for found in known.values() if found.status == "reserved"], reason)
    work.stock.bury([reservation for reservation in wanted if reservation.id not in known], reason)
    return [found for found in known.values() if found.status == "committed"]
