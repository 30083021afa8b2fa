"""How deposits come into the ledger, and out of it again: each arrival is credited once, as long as it stands."""

from dataclasses import replace

from functions.wallet.custody import CustodyWork
from functions.wallet.domain.custody import Arrival, Deposit, credit, taken_back
from functions.wallet.domain.ledger import Account


def book(arrival: Arrival, work: CustodyWork) -> bool:
    """Credit an arrival to its wallet, unless it is. Returns whether money moved.

    One for a key that no wallet has is kept unattributed: it is somebody's, and nothing is lost of it.
    """
    known = work.deposits.known(arrival)
    if known and known.stands(arrival):
        work.deposits.confirm(replace(known, arrival=arrival))
        return False
    if known and known.status == "credited":
        _reverse(known, work)  # mined again with another outcome
    owner = work.deposits.owner(arrival.wallet_key)
    wallet_id, user_id = owner or ("", "")
    deposit = Deposit(
        id=known.id if known else work.new_id("dep"),
        arrival=arrival,
        wallet_id=wallet_id,
        user_id=user_id,
        status="credited" if owner else "unattributed",
        transfer_id=work.new_id("trf") if owner else "",
        version=(known.version if known else 0) + (1 if owner else 0),
    )
    if owner:
        work.ledger.post(credit(deposit, work.now()), {wallet_id: user_id})
    work.deposits.book(deposit)
    return owner is not None


def take_back(deposit: Deposit, work: CustodyWork) -> None:
    """The chain has forgotten a deposit: its money goes back."""
    if deposit.status == "credited":
        _reverse(deposit, work)
    work.deposits.confirm(replace(deposit, status="reversed"))


def _reverse(deposit: Deposit, work: CustodyWork) -> None:
    currency = deposit.arrival.currency
    accounts = work.ledger.lock([deposit.wallet_id])
    account = accounts.get((deposit.wallet_id, currency), Account(deposit.wallet_id, currency))
    back = taken_back(deposit, account, work.new_id("trf"), work.now())
    work.ledger.post(back, {deposit.wallet_id: deposit.user_id})
