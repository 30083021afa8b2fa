"""How a chain is watched: read on from where it was left, confirmed blocks only, and read again where it changed.

Behind one address there may be many nodes, of which some lag, or are on another fork, and each question may come to
another one. So nothing is concluded from two answers together but by hashes: a block counts when the blocks that follow
it, up to the head, name each other as parents, and the first of them follows the block that was reached.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Generic, Protocol, TypeVar

from shared.chains import Header, Place, Reading

SPAN: Final = 500
"""How many blocks are read on at most in one go."""

AGAIN: Final = 8
"""How many blocks are looked at once more each time."""

F = TypeVar("F")
W_co = TypeVar("W_co", covariant=True)


class Blocks(Protocol):
    """A chain's blocks. Every question raises Unavailable without an answer."""

    confirmations: int
    """How many blocks must follow one before what it holds counts."""

    def before_start(self) -> Place:
        """The place before the first block that is read."""

    def head(self) -> int:
        """The number of the chain's latest block."""

    def place(self, number: int) -> Place | None:
        """A block; None when there is none of that number."""

    def headers(self, first: int, last: int) -> Sequence[Header]:
        """Blocks by number, in order, as far as there are any; not all need be of one fork."""


class Cursor(Protocol):
    """How far a chain was read, as one transaction of the database sees it."""

    def reached(self) -> Place | None:
        """How far the chain was read; None before the first time."""

    def checkpoints(self) -> Sequence[Place]:
        """Blocks that were reached before, the latest first."""

    def advance(self, since: Place, reached: Place) -> None:
        """The chain was read further. Raises Contended when another reader was first."""

    def rewind(self, since: Place, standing: Place) -> None:
        """Blocks above one are no longer part of the chain: read on from there. Raises Contended."""


class WatchingWork(Protocol[W_co]):
    """The work of what watches: transactions of its own, never open while it speaks with the chain."""

    def transaction(self) -> AbstractContextManager[W_co]:
        """Work of its own transaction, committed at the end."""


@dataclass(frozen=True, slots=True)
class Stretch(Generic[F]):
    """Some of a chain that was not read before: beyond one block and up to another, and what was found there.

    `found` has what there is in some blocks before it, too: whoever books it knows what is booked.
    """

    since: Place
    reached: Place
    found: Sequence[F]

    @property
    def blocks(self) -> int:
        """How many blocks it is."""
        return self.reached.number - self.since.number


def read_on(
    blocks: Blocks,
    work: WatchingWork[W_co],
    cursor: Callable[[W_co], Cursor],
    read: Callable[[Sequence[Header], Sequence[Header]], Reading[F]],
) -> Stretch[F] | None:
    """The next stretch of a chain, once it has its confirmations; None when there is none. Raises Unavailable.

    What was read is checked first: where the chain has another block than the one that was reached, it was reorganised
    deeper than the confirmations, and is read again from the last block that still stands. Whoever books what was found
    advances the cursor in the same transaction.

    read: what is in blocks that were read before and in those that follow them, as far as that is proven.
    """
    since = _standing(blocks, work, cursor)
    end = min(blocks.head(), since.number + SPAN + blocks.confirmations) if since else -1
    if since is None or end - blocks.confirmations <= since.number:
        return None
    start = blocks.before_start()
    linked = _linked(blocks.headers(max(start.number, since.number - AGAIN) + 1, end))
    again = [each for each in linked if each.number <= since.number]
    fresh = linked[len(again) : len(linked) - blocks.confirmations]
    if not fresh or (since != start and (not again or again[-1].place != since)):
        return None  # a node is behind the one that told of the head, or on another fork
    reading = read(again, fresh)
    return Stretch(since, reading.reached.place, reading.found) if reading.reached else None


def _linked(headers: Sequence[Header]) -> Sequence[Header]:
    """The first of them, and those that follow it without a gap."""
    breaks = (at for at, (one, other) in enumerate(pairwise(headers), 1) if other.parent != one.hash)
    return headers[: next(breaks, len(headers))]


def _standing(blocks: Blocks, work: WatchingWork[W_co], cursor: Callable[[W_co], Cursor]) -> Place | None:
    """The last block that was read and is part of the chain; None while the node is behind it."""
    with work.transaction() as reading:
        reached = cursor(reading).reached()
        checkpoints = cursor(reading).checkpoints() if reached else []
    start = blocks.before_start()
    if reached is None or reached == start:
        return start
    found = blocks.place(reached.number)
    if found is None or found == reached:
        return found
    standing = next((each for each in checkpoints if blocks.place(each.number) == each), start)
    with work.transaction() as writing:
        cursor(writing).rewind(reached, standing)
    return standing
