"""A contract's events, proven complete: whatever nodes a balancer asks, none is missed in silence.

A node that lags answers a question for a range of blocks with fewer events, or with none, and no error; some do so when
they are asked by a block's hash (EIP-234 wants an error, which not all give); and a balancer hands the parts of a batch
to several nodes. So an answer without an event proves nothing. What does is content that its hash stands for:

- Headers that follow each other by their hashes are one chain, whoever told of each.
- A header's bloom says for certain that a block has no such event (Yellow Paper, section 4.4.1: no false negatives).
- Where it may have one, the receipts of all the transactions that the block lists have all its events.

What nodes answer for the range is looked at beside that: for chains on which events come to pass outside of the blooms
(those that a bridge makes, on some), and to find again what is near the end.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from shared.adapters.chain import ChainClient, NodeRefused
from shared.adapters.ethereum import keccak
from shared.adapters.ethereum_json import Log, Topic
from shared.chains import Header, Reading
from shared.errors import Unavailable

log = logging.getLogger(__name__)

RECEIPTS_AT_ONCE: Final = 50
"""For so many blocks the receipts are read in one go: some hundred kilobytes each, and what was read is to be kept."""


class Events:
    """The events of a kind of one contract."""

    def __init__(self, client: ChainClient, address: str, topics: Sequence[Topic]) -> None:
        self._client = client
        self._address = address
        self._topics = topics

    def read(self, again: Sequence[Header], fresh: Sequence[Header]) -> Reading[Log]:
        """The events of linked blocks, as far as they are proven, in the order of the chain.

        again: blocks that were read before: whatever is seen in them comes again. fresh: blocks to be proven. Raises
        Unavailable when not even the first one is.
        """
        seen = self._seen([*again, *fresh])
        for header in again:
            if header.hash in seen:
                seen[header.hash] = self._whole(header, seen[header.hash])
        reached, receipts = None, 0
        for header in fresh:
            if header.hash in seen or self._may_be_in(header):
                if receipts == RECEIPTS_AT_ONCE:
                    break
                receipts += 1
                try:
                    seen[header.hash] = self._whole(header, seen.get(header.hash, ()))
                except Unavailable as error:
                    if reached is None:
                        raise
                    log.info("the chain is read up to block %d: %s", reached.number, error.detail)
                    break
            reached = header
        read = [*again, *(each for each in fresh if reached and each.number <= reached.number)]
        return Reading([each for header in read for each in seen.get(header.hash, ())], reached)

    def _seen(self, headers: Sequence[Header]) -> dict[str, Sequence[Log]]:
        """What a node has seen in these blocks, by their hashes; of blocks of another fork nothing."""
        seen: dict[str, Sequence[Log]] = {}
        hashes = {header.hash for header in headers}
        try:
            for each in self._client.logs(self._address, self._topics, headers[0].number, headers[-1].number):
                if each.block_hash in hashes:
                    seen[each.block_hash] = [*seen.get(each.block_hash, ()), each]
        except NodeRefused as error:
            log.warning("events are read from receipts alone: %s", error.detail)
        return seen

    def _whole(self, header: Header, seen: Iterable[Log]) -> Sequence[Log]:
        """The events of a block, of its receipts and of what was seen. Raises Unavailable."""
        proven = [each for each in self._client.block_logs(header) if self._takes(each)]
        events = {each.index: each for each in (*seen, *proven)}
        return [events[index] for index in sorted(events)]

    def _takes(self, found: Log) -> bool:
        if found.address.lower() != self._address.lower() or len(found.topics) < len(self._topics):
            return False
        return all(has in allowed for has, allowed in zip(found.topics, self._allowed(), strict=False) if allowed)

    def _may_be_in(self, header: Header) -> bool:
        of_contract = _has(header.bloom, bytes.fromhex(self._address[2:]))
        return of_contract and all(
            any(_has(header.bloom, each) for each in allowed) for allowed in self._allowed() if allowed
        )

    def _allowed(self) -> Iterator[tuple[bytes, ...]]:
        """What each topic may be; nothing where it may be anything."""
        for topic in self._topics:
            yield topic if isinstance(topic, tuple) else (topic,) if topic else ()


def _has(bloom: int, item: bytes) -> bool:
    """Whether a bloom may have an item: three of its 2048 bits (Yellow Paper, section 4.4.1)."""
    digest = keccak(item)
    return all(bloom >> (int.from_bytes(digest[at : at + 2]) % 2048) & 1 for at in (0, 2, 4))
