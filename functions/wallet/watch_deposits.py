"""Credit what has arrived in the vault and has its confirmations."""

from functions.wallet.booking import book, take_back
from functions.wallet.custody import ChainWork, CustodyWork, Deposits
from shared.contracts.watching import read_on


def watch_deposits(work: ChainWork) -> dict[str, int]:
    """Read the chain on from where it was left. Returns how many blocks, deposits and reversals. Raises Unavailable.

    Where the chain was reorganised deeper than the confirmations it is read again: deposits that are found again stay
    credited, wherever they are now; those that are not by then are taken back.
    """
    stretch = read_on(work.vault, work, _cursor, work.vault.arrivals) if work.has_chain else None
    if stretch is None:
        return {"blocks": 0, "credited": 0, "reversed": 0}
    with work.transaction() as writing:
        writing.deposits.advance(stretch.since, stretch.reached)
        credited = sum(book(arrival, writing) for arrival in stretch.found)
        lost = writing.deposits.doubted(stretch.reached.number)
        for deposit in lost:
            take_back(deposit, writing)
    return {"blocks": stretch.blocks, "credited": credited, "reversed": len(lost)}


def _cursor(work: CustodyWork) -> Deposits:
    return work.deposits
