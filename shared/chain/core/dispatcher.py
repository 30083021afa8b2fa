"""Sends a key's transactions: signed, stored, and only then broadcast, so that no crash skips or repeats one.

A nonce is assigned in the database transaction that stores the transaction signed with it. What was signed but not
stored was never sent; what was stored but not sent is broadcast again, byte for byte.

A call that was reverted, with confirmations, has failed for good, and its purpose is undone. If the chain is
reorganised behind it all the same, its nonce is consumed by an empty transaction, so that later ones can follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from shared.jobs.items import FailureStore, for_each

if TYPE_CHECKING:
    from shared.chain.core.values import ContractCall, Fees, NonceAssignment, Outcome, SignedTransaction

SENT_AT_ONCE: Final = 20
FOLLOWED_AT_ONCE: Final = 100

UNMINED_MOST: Final = 60
"""How many transactions may wait to be mined: nodes keep some 64 per account, and drop the rest. Further calls wait
unsigned, while their order can still change."""


class Sender(Protocol):
    """A key, and the node that it sends through. Every method raises Unavailable if the node does not respond."""

    replace_after: timedelta
    """How long a transaction may wait before it is replaced by one with higher fees."""

    def next_nonce(self, number: int | None = None) -> int:
        """The key's transaction count up to a block, the latest by default."""

    def fees(self) -> Fees:
        """The current market fees."""

    def sign(self, call: ContractCall, nonce: int, fees: Fees, at: datetime) -> SignedTransaction:
        """Sign a call, without sending it."""

    def cancellation(self, subject: str) -> ContractCall:
        """A call that does nothing, to replace another one with the same nonce."""

    def broadcast(self, signed: SignedTransaction) -> bool:
        """Broadcast it, for the first time or again; false if the network does not accept it now."""

    def knows(self, signed: SignedTransaction) -> bool:
        """Whether the network has it, mined or pending."""

    def outcome(self, signed: SignedTransaction) -> Outcome | None:
        """Its outcome; None while it is not mined."""


class NonceStore(Protocol):
    """A key's nonces and the transactions signed with them, as one database transaction sees them."""

    def next_nonce(self) -> int:
        """The lowest nonce above all assigned ones."""

    def store(self, call: ContractCall, signed: SignedTransaction) -> None:
        """Assign the nonce to the call, and store the transaction. Raises Contended if either was assigned already."""

    def add(self, signed: SignedTransaction) -> None:
        """Store a replacement transaction with the same nonce.

        Raises Contended if its call has ended meanwhile; for a cancellation, if it has not failed.
        """

    def has_nonce(self, subject: str) -> bool:
        """Whether the call for a subject has a nonce, so that a transaction was signed for it."""

    def mark_broadcast(self, signed: SignedTransaction) -> None:
        """Note that the network has it."""

    def pending(self, job: str, now: datetime, most: int) -> Sequence[NonceAssignment]:
        """Assignments whose call has not ended, lowest nonce first, without those whose subject backs off in a job."""

    def reorged(self, since: int, job: str, now: datetime, most: int) -> Sequence[NonceAssignment]:
        """Ended assignments from a nonce on, which a reorganisation has undone; otherwise as `pending`."""

    def end(self, assignment: NonceAssignment, *, succeeded: bool) -> bool:
        """End the call; false if somebody else has ended it before, and decided what follows."""

    def busy(self, purpose: str) -> bool:
        """Whether a call with a purpose is pending."""

    def others(self) -> Sequence[str]:
        """The addresses of other keys whose calls are pending: of regions that have served the cell before."""

    def of(self, sender: str) -> NonceStore:
        """The nonces of another key."""


class SendingTransaction(Protocol):
    """One database transaction, as the dispatcher needs it."""

    @property
    def nonces(self) -> NonceStore:
        """The key's nonces."""

    @property
    def failures(self) -> FailureStore:
        """The failed items of jobs."""


EndCall = Callable[["NonceAssignment", "SignedTransaction", "Outcome"], bool]
"""(assignment, transaction, outcome) -> whether that ended the call."""

R = TypeVar("R")
W = TypeVar("W", bound=SendingTransaction)
W_co = TypeVar("W_co", bound=SendingTransaction, covariant=True)


class SendingWork(Protocol[W_co]):
    """The unit of work of a dispatcher: opens transactions, never while it waits for the node."""

    def now(self) -> datetime:
        """The current time."""

    def transaction(self) -> AbstractContextManager[W_co]:
        """Work in a new transaction, committed at the end."""


class Dispatcher(Generic[W]):
    """Sends the calls of one key, and tracks them until they end."""

    def __init__(
        self,
        job: str,
        sender: Sender,
        work: SendingWork[W],
        recorded: Callable[[W, ContractCall, SignedTransaction], None] = lambda *_: None,
        nonces: Callable[[W], NonceStore] = lambda transaction: transaction.nonces,
    ) -> None:
        """
        job: the registry row; failures are recorded there by the call's subject.
        recorded: called in the database transaction that notes a broadcast.
        nonces: the key's nonces in a database transaction; those of the transaction's own key by default.
        """
        self._nonces = nonces
        self._job = job
        self._sender = sender
        self._work = work
        self._recorded = recorded

    def send(self, call: ContractCall, beside: Callable[[W], object] = lambda _: None) -> None:
        """Sign a call with the next nonce, store it, and broadcast it. Raises Contended, Unavailable.

        beside: called in the database transaction that stores it; if it raises, nothing is stored.
        """
        with self._work.transaction() as reading:
            given = self._nonces(reading).next_nonce()
        nonce = max(given, self._sender.next_nonce())
        signed = self._sender.sign(call, nonce, self._sender.fees(), self._work.now())
        with self._work.transaction() as storing:
            self._nonces(storing).store(call, signed)
            beside(storing)
        self._broadcast(call, signed)

    def send_stored(self) -> None:
        """Broadcast transactions that were stored but not sent."""
        with self._work.transaction() as reading:
            pending = self._nonces(reading).pending(self._job, self._work.now(), SENT_AT_ONCE)
        stored = [assignment for assignment in pending if not assignment.newest.broadcast]
        self._for_each(stored, lambda assignment: self._broadcast(assignment.call, assignment.newest))

    def unmined(self) -> int:
        """How many transactions wait to be mined, by assigned nonces. Raises Unavailable."""
        with self._work.transaction() as reading:
            given = self._nonces(reading).next_nonce()
        return max(0, given - self._sender.next_nonce())

    def follow(self, confirmed: int, end: EndCall) -> int:
        """Track all pending transactions; returns how many calls ended. Raises Unavailable.

        A reorganisation may have undone transactions whose calls had ended: those are broadcast again, or cancelled if
        they had failed.
        confirmed: the last block that has its confirmations.
        end: called with a call's confirmed outcome; returns whether that ended it.
        """
        mined = self._sender.next_nonce()
        used = self._sender.next_nonce(confirmed) if confirmed >= 0 else 0
        with self._work.transaction() as reading:
            pending = self._nonces(reading).pending(self._job, self._work.now(), FOLLOWED_AT_ONCE)
            forgotten = self._nonces(reading).reorged(mined, self._job, self._work.now(), FOLLOWED_AT_ONCE)
        self._for_each(forgotten, self._restore)
        return sum(self._for_each(pending, lambda assignment: self._follow(assignment, confirmed, used, end)))

    def _for_each(self, nonces: Sequence[NonceAssignment], step: Callable[[NonceAssignment], R]) -> Sequence[R]:
        return for_each(self._job, nonces, lambda assignment: assignment.call.subject, step, self._work).results

    def _follow(
        self,
        assignment: NonceAssignment,
        confirmed: int,
        used: int,
        end: Callable[[NonceAssignment, SignedTransaction, Outcome], bool],
    ) -> bool:
        for signed in assignment.transactions:
            outcome = self._sender.outcome(signed)
            if outcome:
                return outcome.block_number <= confirmed and end(assignment, signed, outcome)
        if assignment.nonce < used:  # by a transaction that was never stored: none of these can be mined any more
            from shared.chain.core.values import Outcome  # which most who know a Sender need not

            return end(assignment, assignment.newest, Outcome(succeeded=False, block_number=confirmed))
        if self._overdue(assignment.newest):
            self._outbid(assignment)
        elif not self._sender.knows(assignment.newest):
            self._broadcast(assignment.call, assignment.newest)
        return False

    def _outbid(self, assignment: NonceAssignment) -> None:
        """Replace a transaction that waits too long by one with the same nonce and higher fees.

        One that already offers far more than the market waits for something else: it is only broadcast again.
        """
        usual = self._sender.fees()
        if assignment.newest.fees.far_above(usual):
            self._broadcast(assignment.call, assignment.newest)
            return
        self._broadcast(assignment.call, self._replace(assignment, assignment.call, usual))

    def _restore(self, assignment: NonceAssignment) -> None:
        """Have a nonce consumed again after a reorganisation: by the sent transaction, or by a cancellation."""
        newest = assignment.newest
        if assignment.failed and (not newest.cancels or self._overdue(newest)):
            newest = self._replace(assignment, self._sender.cancellation(assignment.call.subject), self._sender.fees())
        elif self._sender.knows(newest):
            return
        self._sender.broadcast(newest)

    def _replace(self, assignment: NonceAssignment, call: ContractCall, usual: Fees) -> SignedTransaction:
        """Sign and store a replacement with the same nonce and higher fees. Raises Contended, Unavailable."""
        fees = assignment.newest.fees.higher(usual)
        signed = self._sender.sign(call, assignment.nonce, fees, self._work.now())
        signed = replace(signed, cancels=assignment.failed)
        with self._work.transaction() as storing:
            self._nonces(storing).add(signed)
        return signed

    def _overdue(self, signed: SignedTransaction) -> bool:
        return self._work.now() - signed.signed_at > self._sender.replace_after

    def _broadcast(self, call: ContractCall, signed: SignedTransaction) -> None:
        """Broadcast a stored transaction, and record that."""
        if not self._sender.broadcast(signed):
            return  # it stays stored, and is retried
        with self._work.transaction() as recording:
            self._nonces(recording).mark_broadcast(signed)
            self._recorded(recording, call, signed)
