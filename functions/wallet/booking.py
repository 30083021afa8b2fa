"""How deposits come into the ledger, and out of it again: each arrival is credited once, as long as it stands.

What the chain says is kept first, whoever it is for and whatever the ledger would say of it; after that each deposit is
credited by itself. So one that cannot be credited now holds up no other, and nothing is lost of it.
"""

from dataclasses import replace

from functions.wallet.custody import CustodyWork
from functions.wallet.domain.custody import Arrival, Deposit, credit, taken_back
from functions.wallet.domain.ledger import Account
from functions.wallet.receiving import deliver


def keep(arrival: Arrival, work: CustodyWork) -> None:
    """Keep what the chain says has arrived: new, again, or in another block."""
    known = work.deposits.known(arrival)
    if known and known.stands(arrival):
        if known.doubted or known.arrival != arrival:
            work.deposits.keep(replace(known, arrival=arrival))
        return
    if known and known.status == "credited":
        _reverse(known, work)  # mined again with another outcome
    work.deposits.keep(
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


def credited(deposit_id: str, work: CustodyWork) -> bool:
    """Credit a deposit to the wallet that its key is of, unless it is. Returns whether money moved.

    What comes for a wallet that has closed goes to its owner's default wallet. Raises BalanceOverflow, Contended.
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
    deliver(credit(after, work.now()), [after.wallet_id], work)
    work.deposits.keep(after)
    work.deposits.tell(after)
    return True


def taken(deposit_id: str, work: CustodyWork) -> bool:
    """Take a deposit back that the chain has forgotten, unless it is. Returns whether it was there."""
    deposit = work.deposits.lock_forgotten(deposit_id)
    if deposit is None:
        return False
    if deposit.status == "credited":
        _reverse(deposit, work)
    work.deposits.keep(replace(deposit, status="reversed"))
    return True


def _reverse(deposit: Deposit, work: CustodyWork) -> None:
    currency = deposit.arrival.currency
    accounts = work.ledger.lock([deposit.wallet_id])
    account = accounts.get((deposit.wallet_id, currency), Account(deposit.wallet_id, currency))
    back = taken_back(deposit, account, work.new_id("trf"), work.now())
    work.ledger.post(back, {deposit.wallet_id: deposit.user_id})
