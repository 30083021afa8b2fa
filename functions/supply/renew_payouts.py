"""Tell the wallet service where supplies pay out of which it does not know that yet."""

import logging
from functools import partial
from typing import Final

from functions.supply.ports import SweepWork
from shared.errors import NotFound
from shared.jobs.items import for_each

BATCH: Final = 100

log = logging.getLogger(__name__)


def renew_payouts(work: SweepWork) -> dict[str, int]:
    """Have the payout wallets of supplies stay open that were put up before wallets knew of supplies. Returns how many.

    Raises Unavailable.
    """
    with work.transaction() as reading:
        unnoted = reading.supplies.unnoted(BATCH)
    ran = for_each("renew_payouts", unnoted, str, partial(_note, work=work), work)
    return {"noted": len(ran.results), "failed": ran.failed}


def _note(supply_id: str, work: SweepWork) -> None:
    with work.transaction() as writing:
        [supply] = writing.supplies.find([supply_id])
        try:
            writing.supplies.payee(supply.id, supply.merchant_id, supply.payout_wallet_id)
        except NotFound:
            log.warning("%s pays out to a closed wallet, and so to its merchant's default one", supply_id)
        writing.supplies.note(supply_id)
