"""Which cell books a deposit: the one whose address it went to; one cell books those that no cell knows.

All cells read the same chain. Who books what nobody knows asks every other cell before. One that cannot be asked
delays nothing: what may be its deposit is booked unattributed, and dropped when that cell takes it on. The same holds
for an address that is registered only after the deposit has arrived: whoever takes on a deposit has booked it, or books
it when it reads that block.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from functions.wallet.deposit_posting import record_arrival
from functions.wallet.domain.custody import Arrival
from functions.wallet.ports import ChainWork, CustodyWork

ASKED_FOR: Final = timedelta(hours=1)
"""How long after a deposit was booked unattributed the others are asked again: one may register its address."""

MAX_ASKED: Final = 500
"""How many deposits are asked about again in one run."""


def ask_others(arrivals: Sequence[Arrival], work: ChainWork) -> tuple[set[Arrival], set[Arrival]]:
    """Of what this cell does not know: the deposits that other cells take on, and those that one of them still may.

    Only the cell that books what nobody knows asks.
    """
    if not work.books_unknown:
        return set(), set()
    with work.transaction() as reading:
        own = reading.deposits.own_keys({arrival.wallet_key for arrival in arrivals})
    unknown = [arrival for arrival in arrivals if arrival.wallet_key not in own]
    claimed, all_asked = work.other_cells.claim(unknown)
    return claimed, set() if all_asked else {*unknown} - claimed


def record(
    arrivals: Sequence[Arrival], claimed: set[Arrival], doubtful: set[Arrival], work: ChainWork, writing: CustodyWork
) -> None:
    """Record what this cell books, in the transaction that has moved the cursor on.

    The cursor is locked then, so that an address which is registered meanwhile is found here or by claim_deposits.
    """
    own = writing.deposits.own_keys({arrival.wallet_key for arrival in arrivals})
    for arrival in arrivals:
        if arrival.wallet_key in own or (work.books_unknown and arrival not in claimed):
            record_arrival(arrival, writing)
    writing.deposits.mark(doubtful, disowned=False)


def ask_again(work: ChainWork) -> None:
    """Ask the other cells about unattributed deposits that may be theirs, and leave to them what they take on."""
    if not work.books_unknown:
        return
    with work.transaction() as reading:
        doubtful = reading.deposits.doubtful(work.now() - ASKED_FOR, MAX_ASKED)
    if not doubtful:
        return
    claimed, all_asked = work.other_cells.claim(doubtful)
    with work.transaction() as writing:
        writing.deposits.drop_others(claimed)
        if all_asked:
            writing.deposits.mark({*doubtful} - claimed, disowned=True)
