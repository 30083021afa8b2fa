"""Books deposits into the ledger, and reverses them: each arrival is credited once while it is on the canonical chain.

Arrivals are recorded first, whether or not they can be credited; then each deposit is credited in a transaction of its
own. So a deposit that cannot be credited now blocks no other, and is not lost.
"""

from dataclasses import replace

from functions.wallet.domain.custody import Arrival, Deposit, deposit_credit, deposit_reversal
from functions.wallet.domain.ledger import Account
from functions.wallet.ports import CustodyWork
from functions.wallet.recipients import deliver


def record_arrival(arrival: Arrival, work: CustodyWork) -> None:
    """Record an arrival that the chain reports: a new one, a known one, or one that moved to another block."""
    known = work.deposits.find(arrival)
    if known and known.stands(arrival):
        if known.orphaned or known.arrival != arrival:
            work.deposits.save(replace(known, arrival=arrival))
        return
    if known and known.status == "credited":
        _reverse(known, work)  # the transaction was mined again with another outcome
    work.deposits.save(
        Deposit(
            id=known.id if known else work.new_id("dep"),
            arrival=arrival,
            wallet_id="",
            user_id="",
            status="unattributed",
            transfer_id="",
            version=known.version if known else 0,
        )
    )


def credit_deposit(deposit_id: str, work: CustodyWork) -> bool:
    """Credit an unattributed deposit to the wallet that its key belongs to. Returns whether it was credited.

    A deposit for a closed wallet is credited to its owner's default wallet. Raises BalanceOverflow, Contended.
    """
    deposit = work.deposits.lock_uncredited(deposit_id)
    owner = work.deposits.owner(deposit.arrival.wallet_key) if deposit else None
    if deposit is None or owner is None:
        return False
    after = replace(
        deposit,
        wallet_id=owner.wallet_id,
        user_id=owner.user_id,
        in_place_of=owner.in_place_of,
        status="credited",
        transfer_id=work.new_id("trf"),
        version=deposit.version + 1,
    )
    deliver(deposit_credit(after, work.now()), [after.wallet_id], work)
    work.deposits.save(after)
    work.deposits.append_credited(after)
    return True


def reverse_orphaned(deposit_id: str, work: CustodyWork) -> bool:
    """Reverse a deposit whose block was orphaned. Returns false if it no longer is."""
    deposit = work.deposits.lock_orphaned(deposit_id)
    if deposit is None:
        return False
    if deposit.status == "credited":
        _reverse(deposit, work)
    work.deposits.save(replace(deposit, status="reversed"))
    return True


def _reverse(deposit: Deposit, work: CustodyWork) -> None:
    currency = deposit.arrival.currency
    accounts = work.ledger.lock([deposit.wallet_id])
    account = accounts.get((deposit.wallet_id, currency), Account(deposit.wallet_id, currency))
    back = deposit_reversal(deposit, account, work.new_id("trf"), work.now())
    work.ledger.post(back, {deposit.wallet_id: deposit.user_id})
