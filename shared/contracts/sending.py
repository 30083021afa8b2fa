"""How a key of the house's sends: signed, stored, and only then broadcast, so that no crash skips or doubles one.

A nonce is given in the transaction that stores what was signed with it. What was signed and not stored was never sent;
what was stored and not sent is sent again, in the same bytes.

A call that was reverted, with its confirmations, has failed for good: what it was for is given back. Where the chain
goes back behind it all the same, its nonce is used up by a transaction that does nothing, and later ones can follow.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Generic, Protocol, TypeVar

from shared.chains import Call, Fees, Outcome, Sending, Signed
from shared.jobs.items import Failures, for_each

SENT_AT_ONCE: Final = 20
FOLLOWED_AT_ONCE: Final = 100

UNMINED_MOST: Final = 60
"""How many may wait to be mined at once: nodes keep some 64 of one account, and drop what is beyond. What waits longer
waits unsigned, where its turn is still open."""


class Sender(Protocol):
    """A key that sends, and the node through which it does. Every question raises Unavailable without an answer."""

    replace_after: timedelta
    """How long a transaction may wait before another with higher fees takes its place."""

    def next_nonce(self, number: int | None = None) -> int:
        """How many of its transactions are mined, up to a block, the latest by default."""

    def fees(self) -> Fees:
        """What is usual now."""

    def sign(self, call: Call, nonce: int, fees: Fees, at: datetime) -> Signed:
        """Sign a call: nothing has happened yet."""

    def cancellation(self, subject: str) -> Call:
        """A call that does nothing, and so takes the place of another one with the same nonce."""

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
        """Keep a further transaction with the same nonce.

        Raises Contended when its call is done meanwhile; for a transaction that cancels, when it has not failed.
        """

    def given(self, subject: str) -> bool:
        """Whether the call for a subject has a nonce, and so something was signed for it."""

    def mark_broadcast(self, signed: Signed) -> None:
        """The network has it."""

    def pending(self, job: str, now: datetime, most: int) -> Sequence[Sending]:
        """Nonces whose call is not done, the lowest first, without those whose subject backs off in a job."""

    def forgotten(self, since: int, job: str, now: datetime, most: int) -> Sequence[Sending]:
        """Nonces from one on whose call was done, and behind which the chain has gone back; the others as above."""

    def end(self, sending: Sending, *, succeeded: bool) -> bool:
        """The call is done; false where somebody else has said so before, and decided what follows from it."""

    def busy(self, purpose: str) -> bool:
        """Whether a call of a kind is on its way."""


class Stored(Protocol):
    """The work of one transaction of the database, as sending needs it."""

    @property
    def sendings(self) -> Sendings:
        """The key's nonces."""

    @property
    def failures(self) -> Failures:
        """The items of jobs that failed."""


R = TypeVar("R")
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
        self,
        job: str,
        sender: Sender,
        work: SendingWork[W],
        recorded: Callable[[W, Call, Signed], None] = lambda *_: None,
    ) -> None:
        """
        job: the row for which it does so; what fails there is one call's trouble, by the call's subject.
        recorded: what else is written when the network has it, in the same transaction of the database.
        """
        self._job = job
        self._sender = sender
        self._work = work
        self._recorded = recorded

    def send(self, call: Call, beside: Callable[[W], object] = lambda _: None) -> None:
        """Sign a call with the next nonce, store it, and broadcast it. Raises Contended, Unavailable.

        beside: what else is written where it is stored; whatever it raises leaves nothing.
        """
        with self._work.transaction() as reading:
            given = reading.sendings.next_nonce()
        nonce = max(given, self._sender.next_nonce())
        signed = self._sender.sign(call, nonce, self._sender.fees(), self._work.now())
        with self._work.transaction() as storing:
            storing.sendings.store(call, signed)
            beside(storing)
        self._broadcast(call, signed)

    def send_stored(self) -> None:
        """Broadcast what was stored and not sent."""
        with self._work.transaction() as reading:
            pending = reading.sendings.pending(self._job, self._work.now(), SENT_AT_ONCE)
        stored = [sending for sending in pending if not sending.newest.broadcast]
        self._for_each(stored, lambda sending: self._broadcast(sending.call, sending.newest))

    def unmined(self) -> int:
        """How many transactions wait to be mined, by the nonces that were given out. Raises Unavailable."""
        with self._work.transaction() as reading:
            given = reading.sendings.next_nonce()
        return max(0, given - self._sender.next_nonce())

    def follow(self, confirmed: int, end: Callable[[Sending, Signed, Outcome], bool]) -> int:
        """Look after every transaction that is not done; returns how many ended. Raises Unavailable.

        A node that lost blocks may have gone back behind transactions that were done: those are handed to it once more,
        or cancelled where they had failed.
        confirmed: the last block that has its confirmations. end: what becomes of a call whose outcome has, and whether
        that ended it.
        """
        mined = self._sender.next_nonce()
        used = self._sender.next_nonce(confirmed) if confirmed >= 0 else 0
        with self._work.transaction() as reading:
            pending = reading.sendings.pending(self._job, self._work.now(), FOLLOWED_AT_ONCE)
            forgotten = reading.sendings.forgotten(mined, self._job, self._work.now(), FOLLOWED_AT_ONCE)
        self._for_each(forgotten, self._restore)
        return sum(self._for_each(pending, lambda sending: self._follow(sending, confirmed, used, end)))

    def _for_each(self, sendings: Sequence[Sending], step: Callable[[Sending], R]) -> Sequence[R]:
        return for_each(self._job, sendings, lambda sending: sending.call.subject, step, self._work).results

    def _follow(
        self, sending: Sending, confirmed: int, used: int, end: Callable[[Sending, Signed, Outcome], bool]
    ) -> bool:
        for signed in sending.transactions:
            outcome = self._sender.outcome(signed)
            if outcome:
                return outcome.block_number <= confirmed and end(sending, signed, outcome)
        if sending.nonce < used:  # by a transaction that nobody stored: none of these can be mined any more
            return end(sending, sending.newest, Outcome(succeeded=False, block_number=confirmed))
        if self._overdue(sending.newest):
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
        self._broadcast(sending.call, self._replace(sending, sending.call, usual))

    def _restore(self, sending: Sending) -> None:
        """Have a nonce used again behind which the chain has gone back: by what was sent, or by nothing."""
        newest = sending.newest
        if sending.failed and (not newest.cancels or self._overdue(newest)):
            newest = self._replace(sending, self._sender.cancellation(sending.call.subject), self._sender.fees())
        elif self._sender.knows(newest):
            return
        self._sender.broadcast(newest)

    def _replace(self, sending: Sending, call: Call, usual: Fees) -> Signed:
        """A further transaction with the same nonce and higher fees, stored. Raises Contended, Unavailable."""
        fees = sending.newest.fees.higher(usual)
        signed = self._sender.sign(call, sending.nonce, fees, self._work.now())
        signed = replace(signed, cancels=sending.failed)
        with self._work.transaction() as storing:
            storing.sendings.add(signed)
        return signed

    def _overdue(self, signed: Signed) -> bool:
        return self._work.now() - signed.signed_at > self._sender.replace_after

    def _broadcast(self, call: Call, signed: Signed) -> None:
        """Hand what was stored to the network, and record it."""
        if not self._sender.broadcast(signed):
            return  # it stays stored, and is tried again
        with self._work.transaction() as recording:
            recording.sendings.mark_broadcast(signed)
            self._recorded(recording, call, signed)
