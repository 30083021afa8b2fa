"""Watch the vault for deposits, and credit those that have their confirmations."""

from collections.abc import Callable
from functools import partial

from functions.wallet.deposit_attribution import ask_again, ask_others, record
from functions.wallet.deposit_posting import credit_deposit, reverse_orphaned
from functions.wallet.ports import ChainWork, CustodyWork, Deposits
from shared.chain.core.block_scanner import scan_next
from shared.jobs.items import for_each

MAX_BATCH = 500
"""How many deposits are credited, and how many reversed, in one run."""


def watch_deposits(work: ChainWork) -> dict[str, int]:
    """Read the next blocks. Returns how many blocks, credited and reversed deposits, and failures there were.

    After a reorganisation deeper than the confirmations the chain is read again: deposits that are found again, in
    whatever block, stay credited; the others are reversed. Each deposit has a transaction of its own: one that fails is
    tried again, as is one whose address was registered after it arrived. Raises Unavailable: the next run continues.
    """
    if not work.has_chain:
        return {"blocks": 0, "credited": 0, "reversed": 0, "failed": 0}
    stretch = scan_next(work.vault, work, _cursor, work.vault.arrivals)
    if stretch:
        claimed, doubtful = ask_others(stretch.found, work)
        with work.transaction() as writing:
            writing.deposits.advance(stretch.since, stretch.reached)
            record(stretch.found, claimed, doubtful, work, writing)
    ask_again(work)
    with work.transaction() as reading:
        orphaned, uncredited = reading.deposits.orphaned(MAX_BATCH), reading.deposits.uncredited(MAX_BATCH)
    back = for_each("watch_deposits", orphaned, str, partial(_in_own_transaction, reverse_orphaned, work), work)
    new = for_each("watch_deposits", uncredited, str, partial(_in_own_transaction, credit_deposit, work), work)
    return {
        "blocks": stretch.blocks if stretch else 0,
        "credited": sum(new.results),
        "reversed": sum(back.results),
        "failed": back.failed + new.failed,
    }


def _in_own_transaction(step: Callable[[str, CustodyWork], bool], work: ChainWork, deposit_id: str) -> bool:
    with work.transaction() as writing:
        return step(deposit_id, writing)


def _cursor(work: CustodyWork) -> Deposits:
    return work.deposits
