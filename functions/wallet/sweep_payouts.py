"""Sweep payout references: check with the supply service which still hold, and delete the others."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from functions.wallet.domain.wallet import PayoutReference
from functions.wallet.ports import SweepWork
from shared.jobs.items import for_batch

BATCH: Final = 500


def sweep_payouts(work: SweepWork) -> dict[str, int]:
    """Delete references of supplies that were archived, pay out elsewhere or were never created. Returns how many.

    Raises Unavailable.
    """
    with work.transaction() as reading:
        due = reading.payouts.due(work.now(), BATCH)
    ran = for_batch("sweep_payouts", due, _name, partial(_sweep, work=work), work)
    return {"forgotten": sum(ran.results), "failed": ran.failed}


def _sweep(due: Sequence[PayoutReference], work: SweepWork) -> int:
    ended = work.supplies.ended(due)
    with work.transaction() as writing:
        writing.payouts.back_off([each for each in due if each not in ended])
        return writing.payouts.drop(ended)


def _name(reference: PayoutReference) -> str:
    return f"{reference.supply_id} {reference.wallet_id}"
