"""What cells have in their custody, as their own databases say: the ledgers' side of a proof of custody."""

import logging
from datetime import datetime

from functions.wallet.domain.proof import AllCustody, CellCustody
from functions.wallet.ports import ChainWork, CustodyWork
from shared.errors import Unavailable

log = logging.getLogger(__name__)


def custody_of_all(last: int, at: datetime | None, work: ChainWork) -> tuple[int, AllCustody] | None:
    """The lowest block that all cells have read, at most `last`, and what they have in custody up to it.

    None if a cell cannot be asked or has not begun to read the chain.
    """
    try:
        lowest = work.other_cells.lowest_block()
        number = last if lowest is None else min(last, lowest)
        if lowest is not None and lowest < 0:
            return None
        with work.transaction() as reading:
            own = custody_at(number, at, reading)
        return number, AllCustody([own, *work.other_cells.custody(number, at)])
    except Unavailable as error:
        log.warning("custody is not compared: %s", error)
        return None


def custody_at(number: int, at: datetime | None, work: CustodyWork) -> CellCustody:
    """Deposits up to a block, what the ledger owes now or at a past time, and all withdrawals."""
    kept = work.deposits.ledger_snapshot(at)
    booked = work.deposits.booked(number)
    beyond = work.deposits.booked_beyond(number, at)
    return CellCustody(booked, kept, beyond, work.withdrawals.all())
