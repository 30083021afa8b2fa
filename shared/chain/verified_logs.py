"""A contract's events, proven complete, even if a load balancer spreads requests over lagging or forked nodes.

A lagging node answers eth_getLogs for a range of blocks with fewer events, or none, and no error; some do so even for a
block hash (EIP-234 requires an error, but not all comply); and a load balancer may spread a batch over several nodes.
So a response without an event proves nothing. Data that block hashes commit to does:

- Headers that are linked by their parent hashes are one chain, whichever node returned each.
- A header's bloom filter excludes blocks without such an event (Yellow Paper, section 4.4.1: no false negatives).
- If it may contain one, the receipts of all the block's transactions have all its events.

eth_getLogs is used as well: for chains where some events (of a bridge, for example) are missing from the bloom
filters, and to pick up events near the head again.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from shared.chain.core.values import Header, ScanResult
from shared.chain.ethereum import keccak
from shared.chain.node import ChainClient, NodeRefused
from shared.chain.node_json import Log, TopicFilter
from shared.errors import Unavailable

log = logging.getLogger(__name__)

RECEIPTS_AT_ONCE: Final = 50
"""For how many blocks receipts are read in one scan: some hundred kilobytes each, and progress should be stored."""


class VerifiedLogs:
    """The matching events of one contract."""

    def __init__(self, client: ChainClient, address: str, topics: Sequence[TopicFilter]) -> None:
        self._client = client
        self._address = address
        self._topics = topics

    def read(self, again: Sequence[Header], fresh: Sequence[Header]) -> ScanResult[Log]:
        """The events of linked blocks, as far as they are proven, in chain order.

        again: blocks that were read before; events seen in them are returned again. fresh: blocks to be proven. Raises
        Unavailable if not even the first one can be.
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
        return ScanResult([each for header in read for each in seen.get(header.hash, ())], reached)

    def _seen(self, headers: Sequence[Header]) -> dict[str, Sequence[Log]]:
        """What eth_getLogs returns for these blocks, by block hash; events of other forks are dropped."""
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
        """The events of a block, from its receipts and from eth_getLogs. Raises Unavailable."""
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
        """The allowed values of each topic; empty if any is allowed."""
        for topic in self._topics:
            yield topic if isinstance(topic, tuple) else (topic,) if topic else ()


def _has(bloom: int, item: bytes) -> bool:
    """Whether a bloom filter may contain an item: three of its 2048 bits (Yellow Paper, section 4.4.1)."""
    digest = keccak(item)
    return all(bloom >> (int.from_bytes(digest[at : at + 2]) % 2048) & 1 for at in (0, 2, 4))
