"""Ask supplies whether they still pay out to the wallets that are kept open for them."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from functions.wallet.domain.wallet import Reference
from functions.wallet.ports import SweepWork
from shared.jobs.items import for_batch

BATCH: Final = 500


def sweep_payouts(work: SweepWork) -> dict[str, int]:
    """Forget the references of supplies that were archived, pay elsewhere or were never put up. Returns how many.

    Raises Unavailable.
    """
    with work.transaction() as reading:
        due = reading.payouts.due(work.now(), BATCH)
    ran = for_batch("sweep_payouts", due, _name, partial(_sweep, work=work), work)
    return {"forgotten": sum(ran.results), "failed": ran.failed}


def _sweep(due: Sequence[Reference], work: SweepWork) -> int:
    ended = work.supplies.ended(due)
    with work.transaction() as writing:
        writing.payouts.postpone([each for each in due if each not in ended])
        return writing.payouts.drop(ended)


def _name(reference: Reference) -> str:
    return f"{reference.supply_id} {reference.wallet_id}"
