"""Collect the balances of deposit addresses into the vault, which emits an event for each deposit."""

from collections.abc import Sequence
from functools import partial

from functions.wallet.deposit_collection import JOB, find_collectable, item_name, prepare_collection
from functions.wallet.domain.custody import DepositAddress
from functions.wallet.ports import ChainWork, CustodyWork
from functions.wallet.treasury_dispatch import treasury_dispatcher
from shared.jobs.items import for_each

MAX_SCANNED = 1000
"""How many addresses are scanned in one run."""


def collect_deposits(work: ChainWork) -> dict[str, int]:
    """Send one transaction for each currency that is worth collecting. Returns how many were sent, and how many failed.

    A balance below the minimum stays on its address until more arrives. Addresses are served round-robin, and each run
    continues after the last address served, so that one that is refilled again and again waits for all others.
    Raises Unavailable: the next run continues.
    """
    currencies = work.vault.currencies if work.has_chain else ()
    ran = for_each(JOB, currencies, str, partial(_collect, work), work)
    return {"sent": sum(ran.results), "failed": ran.failed}


def _collect(work: ChainWork, currency: str) -> bool:
    with work.transaction() as reading:
        if reading.nonces.busy(f"collect {currency}"):
            return False
        addresses = reading.deposits.addresses_in_turn(currency, MAX_SCANNED)
    scanned, due = find_collectable(addresses, currency, work)
    call, collected = prepare_collection(due, currency, work)
    if call:
        treasury_dispatcher(JOB, work).send(call, beside=partial(_end_turn, currency, collected))
    elif len(addresses) == MAX_SCANNED:
        with work.transaction() as writing:
            writing.deposits.end_turn(currency, scanned[-1].wallet_id)
    return call is not None


def _end_turn(currency: str, collected: Sequence[DepositAddress], writing: CustodyWork) -> None:
    writing.deposits.end_turn(currency, collected[-1].wallet_id)
    writing.failures.clear(JOB, [item_name(each, currency) for each in collected])
