"""Credit what has arrived in the vault and has its confirmations."""

from functions.wallet.booking import book, take_back
from functions.wallet.custody import ChainWork
from functions.wallet.domain.custody import Place

SPAN = 2000
"""How many blocks are read at once; nodes refuse more than some thousands."""


def watch_deposits(work: ChainWork) -> dict[str, int]:
    """Read the chain on from where it was left. Returns how many blocks, deposits and reversals. Raises Unavailable.

    What was read is checked first: where the chain has another block than the one that was reached, it was reorganised
    deeper than the confirmations, and is read again from the last block that still stands. Deposits that are found
    again stay credited, wherever they are now; those that are not by then are taken back.
    """
    done = {"blocks": 0, "credited": 0, "reversed": 0}
    if not work.has_chain:
        return done
    since = _standing(work)
    end = min(work.vault.head() - work.vault.confirmations, since.number + SPAN) if since else -1
    if since is None or end <= since.number:
        return done
    reached = work.vault.place(end)
    arrivals = work.vault.arrivals(since.number + 1, end)
    if reached is None or work.vault.place(end) != reached:
        return done  # it changed while it was read
    with work.transaction() as writing:
        writing.deposits.advance(since, reached)
        credited = sum(book(arrival, writing) for arrival in arrivals)
        lost = writing.deposits.doubted(end)
        for deposit in lost:
            take_back(deposit, writing)
    return {"blocks": end - since.number, "credited": credited, "reversed": len(lost)}


def _standing(work: ChainWork) -> Place | None:
    """The last block that was read and is part of the chain; None while the node is behind it."""
    with work.transaction() as reading:
        reached = reading.deposits.reached()
        checkpoints = reading.deposits.checkpoints() if reached else []
    start = work.vault.before_start()
    if reached is None or reached == start:
        return start
    found = work.vault.place(reached.number)
    if found is None or found == reached:
        return found
    standing = next((each for each in checkpoints if work.vault.place(each.number) == each), start)
    with work.transaction() as writing:
        writing.deposits.rewind(reached, standing)
    return standing
