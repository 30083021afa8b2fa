"""Scans a chain's confirmed blocks from a stored cursor, and rewinds after a reorganisation.

One URL may hide many nodes, some lagging or on another fork, and every request may reach another one. So two
responses are only combined by hashes: a block counts if the blocks after it, up to the head, are linked by parent
hashes, and the first of them follows the block at the cursor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from shared.chain.core.values import BlockRef, Header, ScanResult

SPAN: Final = 500
"""The most new blocks per scan."""

AGAIN: Final = 8
"""How many blocks before the cursor are read again each time."""

F = TypeVar("F")
W_co = TypeVar("W_co", covariant=True)


class Blocks(Protocol):
    """A chain's blocks. Every method raises Unavailable if the node does not respond."""

    confirmations: int
    """How many blocks must follow a block before its events count."""

    def before_start(self) -> BlockRef:
        """The block before the first one to scan."""

    def head(self) -> int:
        """The number of the chain's latest block."""

    def place(self, number: int) -> BlockRef | None:
        """A block's reference; None if there is no block of that number."""

    def headers(self, first: int, last: int) -> Sequence[Header]:
        """Headers by number, in order, as far as there are any; they may be of different forks."""


class Cursor(Protocol):
    """How far a chain was read, as one database transaction sees it."""

    def reached(self) -> BlockRef | None:
        """The last block that was read; None before the first scan."""

    def checkpoints(self) -> Sequence[BlockRef]:
        """Blocks that the cursor was at before, the latest first."""

    def advance(self, since: BlockRef, reached: BlockRef) -> None:
        """Move the cursor forward. Raises Contended if another reader was first."""

    def rewind(self, since: BlockRef, standing: BlockRef) -> None:
        """Move the cursor back to the last block that is still canonical. Raises Contended."""


class ScanningWork(Protocol[W_co]):
    """The unit of work of a scanner: opens transactions, never while it waits for the node."""

    def transaction(self) -> AbstractContextManager[W_co]:
        """Work in a new transaction, committed at the end."""


@dataclass(frozen=True, slots=True)
class ScannedRange(Generic[F]):
    """A newly scanned range of blocks, after one block and up to another, and the events found.

    `found` also repeats events of some blocks before it: recording them must be idempotent.
    """

    since: BlockRef
    reached: BlockRef
    found: Sequence[F]

    @property
    def blocks(self) -> int:
        """How many blocks it covers."""
        return self.reached.number - self.since.number


def scan_next(
    blocks: Blocks,
    work: ScanningWork[W_co],
    cursor: Callable[[W_co], Cursor],
    read: Callable[[Sequence[Header], Sequence[Header]], ScanResult[F]],
) -> ScannedRange[F] | None:
    """Scan the next confirmed range of a chain; None if there is none. Raises Unavailable.

    The cursor is checked first: if the chain has another block there, it was reorganised deeper than the confirmations,
    and is read again from the last canonical checkpoint. The caller records the events and advances the cursor in one
    transaction.

    read: given blocks that were read before and the ones after them, returns their events as far as they are proven.
    """
    since = _last_canonical(blocks, work, cursor)
    end = min(blocks.head(), since.number + SPAN + blocks.confirmations) if since else -1
    if since is None or end - blocks.confirmations <= since.number:
        return None
    start = blocks.before_start()
    linked = _linked(blocks.headers(max(start.number, since.number - AGAIN) + 1, end))
    again = [each for each in linked if each.number <= since.number]
    fresh = linked[len(again) : len(linked) - blocks.confirmations]
    if not fresh or (since != start and (not again or again[-1].place != since)):
        return None  # a node is behind the one that returned the head, or on another fork
    scanned = read(again, fresh)
    return ScannedRange(since, scanned.reached.place, scanned.found) if scanned.reached else None


def _linked(headers: Sequence[Header]) -> Sequence[Header]:
    """The longest linked prefix."""
    breaks = (at for at, (one, other) in enumerate(pairwise(headers), 1) if other.parent != one.hash)
    return headers[: next(breaks, len(headers))]


def _last_canonical(blocks: Blocks, work: ScanningWork[W_co], cursor: Callable[[W_co], Cursor]) -> BlockRef | None:
    """The last block that was read and is still canonical; None while the node is behind it."""
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
