"""Releasing reservations: shared by release_stock, return_reserved and sweep_reservations."""

from collections.abc import Sequence

from functions.supply.domain.reservation import Reservation
from functions.supply.ports import SupplyWork


def release_all(reservations: Sequence[Reservation], reason: str, work: SupplyWork) -> list[Reservation]:
    """Release the reserved ones, write tombstones for missing ones. Returns the committed ones, which stay sold.

    reservations: as the order would have made them; their stock is locked before their state is read.
    """
    work.stock.lock(sorted({reservation.supply_id for reservation in reservations}))
    known = work.stock.find([reservation.id for reservation in reservations])
    work.stock.release([found for found in known.values() if found.status == "reserved"], reason)
    work.stock.write_tombstones([each for each in reservations if each.id not in known], reason)
    return [found for found in known.values() if found.status == "committed"]
