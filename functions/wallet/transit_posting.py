"""Credits what has arrived from other cells: in its inbox's transaction, or later where that is not possible yet."""

from functions.wallet.domain.errors import WalletIsClosed
from functions.wallet.domain.ledger import Account
from functions.wallet.domain.transit import Incoming, arriving, payee
from functions.wallet.ports import WalletWork
from shared.errors import Contended
from shared.money import MAXIMUM


def credit_arrival(arrival: Incoming, work: WalletWork) -> bool:
    """Credit an arrival to its wallet or, if that is closed, to its owner's default wallet.

    Returns false, with nothing done, if this cell has neither of them (their rows may be in the lost tail of a
    failover), or if the balance would overflow. Raises Contended when a wallet was closed at the same moment: the next
    attempt sees it closed.
    """
    movement = arrival.movement
    wallet = payee(movement, work.wallets.find([movement.to_wallet_id], [movement.to_user_id]))
    if wallet is None:
        return False
    place = (wallet.id, movement.currency)
    if work.ledger.lock([wallet.id]).get(place, Account(*place)).posted + movement.amount > MAXIMUM:
        return False
    transfer = arriving(arrival, work.cell, wallet, work.new_id("trf"), work.now())
    try:
        work.ledger.post(transfer, {wallet.id: wallet.user_id})
    except WalletIsClosed as closed:
        raise Contended from closed
    work.transits.end(arrival, transfer.id)
    return True
