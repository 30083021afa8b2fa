"""Receive money from another cell, once."""

from functions.wallet.domain.transit import Incoming, Movement, stream_of
from functions.wallet.ports import WalletWork
from functions.wallet.transit_posting import credit_arrival
from shared.contracts.events import Event
from shared.contracts.gen.wallet_events_pb2 import TransitSent


def receive_transit(event: Event[TransitSent], work: WalletWork) -> None:
    """Record what has arrived, and credit it if this cell can; otherwise credit_transits does so later.

    So a wallet that is missing, or would overflow, does not delay the other money from that cell. What is meant for
    another cell is ignored. Raises Contended; Unavailable if an earlier movement of the stream has not arrived.
    """
    sent = event.data
    if event.stream != stream_of(sent.giver, work.cell):
        return
    movement = Movement(
        transfer_id=sent.transfer_id,
        kind=sent.kind,
        currency=sent.currency,
        amount=int(sent.amount),
        to_wallet_id=sent.to_wallet_id,
        to_user_id=sent.to_user_id,
        from_wallet_id=sent.from_wallet_id,
        from_user_id=sent.from_user_id,
        order_id=sent.order_id,
        reference=sent.reference,
    )
    arrival = Incoming(sent.giver, event.version, movement)
    if work.transits.record(arrival):
        credit_arrival(arrival, work)
