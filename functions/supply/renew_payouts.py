"""Report to the wallet service where supplies pay out, for those that were never reported."""

import logging
from functools import partial
from typing import Final

from functions.supply.ports import SweepWork
from shared.errors import NotFound
from shared.jobs.items import for_each

BATCH: Final = 100

log = logging.getLogger(__name__)


def renew_payouts(work: SweepWork) -> dict[str, int]:
    """Keep the payout wallets open of supplies created before payouts were reported. Returns how many were reported.

    Raises Unavailable.
    """
    with work.transaction() as reading:
        unreported = reading.supplies.unreported_payouts(BATCH)
    ran = for_each("renew_payouts", unreported, str, partial(_report, work=work), work)
    return {"noted": len(ran.results), "failed": ran.failed}


def _report(supply_id: str, work: SweepWork) -> None:
    with work.transaction() as writing:
        [supply] = writing.supplies.find([supply_id])
        try:
            writing.supplies.register_payout(supply.id, supply.merchant_id, supply.payout_wallet_id)
        except NotFound:
            log.warning("%s pays out to a closed wallet, and so to its merchant's default one", supply_id)
        writing.supplies.mark_payout_reported(supply_id)
