"""Credit what has arrived in the vault and has its confirmations."""

from collections.abc import Callable
from functools import partial

from functions.wallet.booking import credited, keep, taken
from functions.wallet.custody import ChainWork, CustodyWork, Deposits
from shared.contracts.watching import read_on
from shared.jobs.items import for_each

AT_ONCE = 500
"""How many deposits are credited, and taken back, in one run."""


def watch_deposits(work: ChainWork) -> dict[str, int]:
    """Read the chain on from where it was left. Returns how many blocks, deposits, reversals and failures.

    Where the chain was reorganised deeper than the confirmations it is read again: deposits that are found again stay
    credited, wherever they are now; those that are not by then are taken back. Each is credited, and taken back, by
    itself: one for which that fails is tried again, as are those whose address was handed out after they came. Raises
    Unavailable: the next run goes on.
    """
    if not work.has_chain:
        return {"blocks": 0, "credited": 0, "reversed": 0, "failed": 0}
    stretch = read_on(work.vault, work, _cursor, work.vault.arrivals)
    if stretch:
        with work.transaction() as writing:
            writing.deposits.advance(stretch.since, stretch.reached)
            for arrival in stretch.found:
                keep(arrival, writing)
    with work.transaction() as reading:
        forgotten, uncredited = reading.deposits.forgotten(AT_ONCE), reading.deposits.uncredited(AT_ONCE)
    back = for_each("watch_deposits", forgotten, str, partial(_by_itself, taken, work), work)
    new = for_each("watch_deposits", uncredited, str, partial(_by_itself, credited, work), work)
    return {
        "blocks": stretch.blocks if stretch else 0,
        "credited": sum(new.results),
        "reversed": sum(back.results),
        "failed": back.failed + new.failed,
    }


def _by_itself(step: Callable[[str, CustodyWork], bool], work: ChainWork, deposit_id: str) -> bool:
    with work.transaction() as writing:
        return step(deposit_id, writing)


def _cursor(work: CustodyWork) -> Deposits:
    return work.deposits
