"""The blocks of a chain, read through a node."""

from collections.abc import Sequence

from shared.chain.core.values import BlockRef, Header
from shared.chain.node import ChainClient


class ChainBlocks:
    """The blocks that a service reads from its first one on; implements `Blocks` of core/block_scanner.py."""

    def __init__(self, client: ChainClient, chain_id: int, start_block: int, confirmations: int) -> None:
        """
        start_block: the number of the first block that is read.
        confirmations: how many blocks must follow one before what it holds counts.
        """
        self._client = client
        self._start_block = start_block
        self.chain_id = chain_id
        self.confirmations = confirmations

    def before_start(self) -> BlockRef:
        return BlockRef(self._start_block - 1, "")

    def head(self) -> int:
        return self._client.head()

    def place(self, number: int) -> BlockRef | None:
        block = self._client.block(number) if number >= 0 else None
        return BlockRef(block.number, block.hash) if block else None

    def headers(self, first: int, last: int) -> Sequence[Header]:
        return self._client.headers(first, last)
