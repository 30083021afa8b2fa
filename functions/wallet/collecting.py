"""What lies on deposit addresses, and the call that fetches it: one that cannot be fetched holds up no other."""

from collections.abc import Sequence

from functions.wallet.custody import ChainWork
from functions.wallet.domain.custody import DepositAddress
from shared.chains import Call, CallRefused
from shared.jobs.items import for_batch

JOB = "collect_deposits"

PAGE = 250
"""How many addresses are looked at in one question."""

AT_ONCE = 50
"""How many are fetched by one transaction."""


def item(address: DepositAddress, currency: str) -> str:
    """What is fetched from an address, as it is called among the failures of the job."""
    return f"{currency} {address.wallet_id}"


def lying(
    addresses: Sequence[DepositAddress], currency: str, work: ChainWork
) -> tuple[Sequence[DepositAddress], Sequence[DepositAddress]]:
    """Those that were looked at, until there are enough, and those of them from which it is worth fetching.

    One for which a token has no answer is left out, and is a failure of its own. Raises Unavailable.
    """
    looked: list[DepositAddress] = []
    due: list[DepositAddress] = []
    least = work.vault.least(currency)

    def worth(some: Sequence[DepositAddress]) -> list[DepositAddress]:
        amounts = work.vault.uncollected([each.key for each in some], currency)
        return [each for each, amount in zip(some, amounts, strict=True) if amount >= least]

    while len(due) < AT_ONCE and len(looked) < len(addresses):
        page = addresses[len(looked) : len(looked) + PAGE]
        ran = for_batch(JOB, page, lambda each: f"{item(each, currency)} balance", worth, work)
        due += [each for found in ran.results for each in found]
        looked += page
    return looked, due


def called(
    due: Sequence[DepositAddress], currency: str, work: ChainWork
) -> tuple[Call | None, Sequence[DepositAddress]]:
    """The call that fetches from the first of them, and from which; of fewer where the chain would not carry it out.

    One that is refused by itself is a failure of its own, and the next ones have their turn. Raises Unavailable.
    """
    some = due[:AT_ONCE]
    while some:
        subject = f"collect {currency} {work.new_id('col')}"
        try:
            return work.treasury.collection(subject, [each.key for each in some], currency), some
        except CallRefused as refusal:
            if len(some) > 1:
                some = some[: len(some) // 2]
                continue
            with work.transaction() as recording:
                recording.failures.record(JOB, item(some[0], currency), refusal.detail)
        due = due[1:]
        some = due[:AT_ONCE]
    return None, ()
