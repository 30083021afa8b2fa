"""How a key of the house's sends: signed, stored, and only then broadcast, so that no crash skips or doubles one.

A nonce is given in the transaction that stores what was signed with it. What was signed and not stored was never sent;
what was stored and not sent is sent again, in the same bytes.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Final, Generic, Protocol, TypeVar

from shared.chains import Call, Fees, Outcome, Sending, Signed

SENT_AT_ONCE: Final = 20
FOLLOWED_AT_ONCE: Final = 100


class Sender(Protocol):
    """A key that sends, and the node through which it does. Every question raises Unavailable without an answer."""

    replace_after: timedelta
    """How long a transaction may wait before another with higher fees takes its place."""

    def next_nonce(self) -> int:
        """How many of its transactions are mined."""

    def fees(self) -> Fees:
        """What is usual now."""

    def sign(self, call: Call, nonce: int, fees: Fees, at: datetime) -> Signed:
        """Sign a call: nothing has happened yet."""

    def broadcast(self, signed: Signed) -> bool:
        """Hand it to the network, for the first time or again; false when the network does not take it now."""

    def knows(self, signed: Signed) -> bool:
        """Whether the network has it, mined or waiting."""

    def outcome(self, signed: Signed) -> Outcome | None:
        """What became of it; None while it is not mined."""


class Sendings(Protocol):
    """A key's nonces and what was signed with them, as one transaction of the database sees them."""

    def next_nonce(self) -> int:
        """The lowest nonce above all that were given out."""

    def store(self, call: Call, signed: Signed) -> None:
        """Give the nonce to the call, and keep what was signed. Raises Contended when nonce or call are taken."""

    def add(self, signed: Signed) -> None:
        """Keep a further transaction with the same nonce."""

    def mark_broadcast(self, signed: Signed) -> None:
        """The network has it."""

    def pending(self, most: int) -> Sequence[Sending]:
        """Nonces whose call is not done, the lowest first."""

    def forgotten(self, since: int, most: int) -> Sequence[Sending]:
        """Nonces from one on whose call was done, and must be done again: the chain has gone back behind it."""

    def end(self, sending: Sending, *, succeeded: bool) -> None:
        """The call is done."""

    def busy(self, purpose: str) -> bool:
        """Whether a call of a kind is on its way."""


class Stored(Protocol):
    """The work of one transaction of the database, as sending needs it."""

    @property
    def sendings(self) -> Sendings:
        """The key's nonces."""


W = TypeVar("W", bound=Stored)
W_co = TypeVar("W_co", bound=Stored, covariant=True)


class SendingWork(Protocol[W_co]):
    """The work of what sends: transactions of its own, never open while it speaks with the chain."""

    def now(self) -> datetime:
        """The present."""

    def transaction(self) -> AbstractContextManager[W_co]:
        """Work of its own transaction, committed at the end."""


class Dispatcher(Generic[W]):
    """Sends the calls of one key, and follows them to their end."""

    def __init__(
        self, sender: Sender, work: SendingWork[W], recorded: Callable[[W, Call, Signed], None] = lambda *_: None
    ) -> None:
        """recorded: what else is written when the network has it, in the same transaction of the database."""
        self._sender = sender
        self._work = work
        self._recorded = recorded

    def send(self, call: Call, beside: Callable[[W], None] = lambda _: None) -> None:
        """Sign a call with the next nonce, store it, and broadcast it. Raises Contended, Unavailable.

        beside: what else is written where it is stored; whatever it raises leaves nothing.
        """
        with self._work.transaction() as reading:
            given = reading.sendings.next_nonce()
        nonce = max(given, self._sender.next_nonce())
        signed = self._sender.sign(call, nonce, self._sender.fees(), self._work.now())
        with self._work.transaction() as storing:
            beside(storing)
            storing.sendings.store(call, signed)
        self._broadcast(call, signed)

    def send_stored(self) -> None:
        """Broadcast what was stored and not sent."""
        with self._work.transaction() as reading:
            stored = reading.sendings.pending(SENT_AT_ONCE)
        for sending in stored:
            if not sending.newest.broadcast:
                self._broadcast(sending.call, sending.newest)

    def unmined(self) -> int:
        """How many transactions wait to be mined, by the nonces that were given out. Raises Unavailable."""
        with self._work.transaction() as reading:
            given = reading.sendings.next_nonce()
        return max(0, given - self._sender.next_nonce())

    def follow(self, deep: Callable[[Outcome], bool], end: Callable[[Sending, Signed, Outcome], None]) -> int:
        """Look after every transaction that is not done; returns how many ended. Raises Unavailable.

        A node that lost blocks may have gone back behind transactions that were done: those are handed to it once more.
        deep: whether an outcome has its confirmations. end: what becomes of a call that has.
        """
        mined = self._sender.next_nonce()
        with self._work.transaction() as reading:
            pending = reading.sendings.pending(FOLLOWED_AT_ONCE)
            forgotten = reading.sendings.forgotten(mined, FOLLOWED_AT_ONCE)
        for sending in forgotten:
            if not self._sender.knows(sending.newest):
                self._sender.broadcast(sending.newest)
        return sum(self._follow(sending, deep, end) for sending in pending)

    def _follow(
        self, sending: Sending, deep: Callable[[Outcome], bool], end: Callable[[Sending, Signed, Outcome], None]
    ) -> bool:
        for signed in sending.transactions:
            outcome = self._sender.outcome(signed)
            if outcome:
                ended = deep(outcome)
                if ended:
                    end(sending, signed, outcome)
                return ended
        if self._work.now() - sending.newest.signed_at > self._sender.replace_after:
            self._outbid(sending)
        elif not self._sender.knows(sending.newest):
            self._broadcast(sending.call, sending.newest)
        return False

    def _outbid(self, sending: Sending) -> None:
        """Replace a transaction that waits too long by one with the same nonce and higher fees.

        One that offers far more than is usual waits for something else: it is only handed over again.
        """
        usual = self._sender.fees()
        if sending.newest.fees.far_above(usual):
            self._broadcast(sending.call, sending.newest)
            return
        fees = sending.newest.fees.higher(usual)
        signed = self._sender.sign(sending.call, sending.nonce, fees, self._work.now())
        with self._work.transaction() as storing:
            storing.sendings.add(signed)
        self._broadcast(sending.call, signed)

    def _broadcast(self, call: Call, signed: Signed) -> None:
        """Hand what was stored to the network, and record it."""
        if not self._sender.broadcast(signed):
            return  # it stays stored, and is tried again
        with self._work.transaction() as recording:
            recording.sendings.mark_broadcast(signed)
            self._recorded(recording, call, signed)
