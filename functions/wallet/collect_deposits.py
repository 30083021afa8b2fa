"""Fetch what lies on deposit addresses into the vault, which tells of each deposit."""

from collections.abc import Sequence
from functools import partial

from functions.wallet.collecting import JOB, called, item, lying
from functions.wallet.custody import ChainWork, CustodyWork
from functions.wallet.domain.custody import DepositAddress
from functions.wallet.sending import dispatcher
from shared.jobs.items import for_each

LOOKED_AT = 1000
"""How many addresses are looked at in one run."""


def collect_deposits(work: ChainWork) -> dict[str, int]:
    """Send one transaction for each currency of which enough lies there. Returns how many; and failing currencies.

    What is not worth fetching stays where it is, and is fetched with what comes later. Addresses have their turns one
    after the other, and each run goes on behind the last one that had its: whoever fills theirs again and again waits
    for all others in between. Raises Unavailable: the next run goes on.
    """
    currencies = work.vault.currencies if work.has_chain else ()
    ran = for_each(JOB, currencies, str, partial(_collect, work), work)
    return {"sent": sum(ran.results), "failed": ran.failed}


def _collect(work: ChainWork, currency: str) -> bool:
    with work.transaction() as reading:
        if reading.sendings.busy(f"collect {currency}"):
            return False
        addresses = reading.deposits.in_turn(currency, LOOKED_AT)
    looked, due = lying(addresses, currency, work)
    call, fetched = called(due, currency, work)
    if call:
        dispatcher(JOB, work).send(call, beside=partial(_had_their_turn, currency, fetched))
    elif len(addresses) == LOOKED_AT:
        with work.transaction() as writing:
            writing.deposits.take_turn(currency, looked[-1].wallet_id)
    return call is not None


def _had_their_turn(currency: str, fetched: Sequence[DepositAddress], writing: CustodyWork) -> None:
    writing.deposits.take_turn(currency, fetched[-1].wallet_id)
    writing.failures.clear(JOB, [item(each, currency) for each in fetched])
