"""Fetch what lies on deposit addresses into the vault, which tells of each deposit."""

from collections.abc import Mapping

from functions.wallet.custody import ChainWork
from functions.wallet.sending import dispatcher
from shared.chains import CallRefused

PAGE = 500
"""How many addresses are looked at in one question."""

AT_ONCE = 50
"""How many are fetched by one transaction."""


def collect_deposits(work: ChainWork) -> dict[str, int]:
    """Send one transaction for each currency of which enough lies there. Returns how many. Raises Unavailable.

    What is not worth fetching stays where it is, and is fetched with what comes later.
    """
    sent = 0
    for currency in work.vault.currencies if work.has_chain else ():
        with work.transaction() as reading:
            busy = reading.sendings.busy(_purpose(currency))
        sent += 0 if busy else _collect(currency, work)
    return {"sent": sent}


def _collect(currency: str, work: ChainWork) -> int:
    last, due, least = "", list[bytes](), work.vault.least(currency)
    while len(due) < AT_ONCE:
        with work.transaction() as reading:
            page: Mapping[str, bytes] = reading.deposits.watched(last, PAGE)
        if not page:
            break
        keys = list(page.values())
        amounts = work.vault.uncollected(keys, currency)
        due += [key for key, amount in zip(keys, amounts, strict=True) if amount >= least]
        last = max(page)
    # All at once; one that cannot be fetched must not hold up the others, so then each by itself.
    for keys in (due[:AT_ONCE], *([key] for key in due[:AT_ONCE])) if due else ():
        try:
            call = work.treasury.collection(f"{_purpose(currency)} {work.new_id('col')}", keys, currency)
        except CallRefused:
            continue
        dispatcher("collect_deposits", work).send(call)
        return 1
    return 0


def _purpose(currency: str) -> str:
    return f"collect {currency}"
