"""Finds deposit addresses worth collecting, and prepares the call that collects them; a failing one blocks no other."""

from collections.abc import Sequence

from functions.wallet.domain.custody import DepositAddress
from functions.wallet.ports import ChainWork
from shared.chain.core.values import CallRefused, ContractCall
from shared.jobs.items import for_batch

JOB = "collect_deposits"

PAGE = 250
"""How many balances are read in one call."""

MAX_PER_TRANSACTION = 50
"""How many addresses are collected by one transaction."""


def item_name(address: DepositAddress, currency: str) -> str:
    """The name of an address and currency among the failures of the job."""
    return f"{currency} {address.wallet_id}"


def find_collectable(
    addresses: Sequence[DepositAddress], currency: str, work: ChainWork
) -> tuple[Sequence[DepositAddress], Sequence[DepositAddress]]:
    """The addresses that were scanned, until enough were found, and those of them that are worth collecting.

    An address whose balance cannot be read is left out, and recorded as failed. Raises Unavailable.
    """
    scanned: list[DepositAddress] = []
    due: list[DepositAddress] = []
    minimum = work.vault.collection_minimum(currency)

    def worth_collecting(some: Sequence[DepositAddress]) -> list[DepositAddress]:
        amounts = work.vault.uncollected([each.key for each in some], currency)
        return [each for each, amount in zip(some, amounts, strict=True) if amount >= minimum]

    while len(due) < MAX_PER_TRANSACTION and len(scanned) < len(addresses):
        page = addresses[len(scanned) : len(scanned) + PAGE]
        ran = for_batch(JOB, page, lambda each: f"{item_name(each, currency)} balance", worth_collecting, work)
        due += [each for found in ran.results for each in found]
        scanned += page
    return scanned, due


def prepare_collection(
    due: Sequence[DepositAddress], currency: str, work: ChainWork
) -> tuple[ContractCall | None, Sequence[DepositAddress]]:
    """The call that collects the first addresses, and those addresses; fewer where the chain refuses the call.

    Refused calls are bisected. An address that is refused alone is recorded as failed, and the next ones are tried.
    Raises Unavailable.
    """
    some = due[:MAX_PER_TRANSACTION]
    while some:
        subject = f"collect {currency} {work.new_id('col')}"
        try:
            return work.treasury.collection(subject, [each.key for each in some], currency), some
        except CallRefused as refusal:
            if len(some) > 1:
                some = some[: len(some) // 2]
                continue
            with work.transaction() as recording:
                recording.failures.record(JOB, item_name(some[0], currency), refusal.detail)
        due = due[1:]
        some = due[:MAX_PER_TRANSACTION]
    return None, ()
