"""How the treasury sends: signed, stored, and only then broadcast, so that a crash neither skips nor doubles a nonce.

A nonce is given in the transaction that stores what was signed with it. What was signed and not stored was never sent;
what was stored and not sent is sent again, in the same bytes.
"""

from functions.wallet.custody import ChainWork
from functions.wallet.domain.custody import Call, Sending, Signed


def send(call: Call, work: ChainWork) -> None:
    """Sign a call with the next nonce, store it, and broadcast it. Raises Contended, Unavailable."""
    with work.transaction() as reading:
        given = reading.sendings.next_nonce()
    nonce = max(given, work.treasury.next_nonce())
    signed = work.treasury.sign(call, nonce, work.treasury.fees(), work.now())
    with work.transaction() as storing:
        storing.sendings.store(call, signed)
    broadcast(call, signed, work)


def broadcast(call: Call, signed: Signed, work: ChainWork) -> None:
    """Hand what was stored to the network, and record it: a withdrawal is sent with its first transaction."""
    if not work.treasury.broadcast(signed):
        return  # it stays stored, and is tried again
    with work.transaction() as recording:
        recording.sendings.mark_broadcast(signed)
        if call.purpose == "withdrawal":
            withdrawal = recording.withdrawals.lock(call.subject)
            if withdrawal.status == "requested":
                recording.withdrawals.save(withdrawal.sent(signed.hash, recording.now()))


def outbid(sending: Sending, work: ChainWork) -> None:
    """Replace a transaction that waits too long by one with the same nonce and higher fees.

    One that offers far more than is usual waits for something else: it is only handed over again.
    """
    usual = work.treasury.fees()
    if sending.newest.fees.far_above(usual):
        broadcast(sending.call, sending.newest, work)
        return
    fees = sending.newest.fees.higher(usual)
    signed = work.treasury.sign(sending.call, sending.nonce, fees, work.now())
    with work.transaction() as storing:
        storing.sendings.add(signed)
    broadcast(sending.call, signed, work)
