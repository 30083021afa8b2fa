"""Which block a past time is at, as a node tells it that may lack the oldest ones."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.wallet.adapters.vault import ChainVault, VaultConfig
from shared.chain.node_json import Block
from shared.errors import Unavailable

CONFIG = VaultConfig(1, "0x" + "1" * 40, {}, 0, 3, {}, {}, frozenset())
MADE_AT = [0, 0, 10, 20, 20, 30, 31, 50, 70, 70, 80]
"""When each block was made."""


@dataclass
class Node:
    """A node that has blocks from a number on, and may have the first one."""

    oldest: int = 0
    first: bool = False
    asked: list[int] = field(default_factory=list)

    def head(self) -> int:
        return len(MADE_AT) - 1

    def block(self, number: int) -> Block | None:
        self.asked.append(number)
        has = number >= self.oldest or (self.first and number == CONFIG.start_block)
        return Block(number, "", 0, MADE_AT[number]) if has else None


def number_at(seconds: int, node: Any) -> int:
    """The block at a time."""
    return ChainVault(CONFIG, node).number_at(datetime.fromtimestamp(seconds, UTC))


def test_the_last_block_made_by_a_time() -> None:
    """The latest of those of the same second; before the start block the one before it."""
    for seconds in range(90):
        expected = max([2, *(number for number, made in enumerate(MADE_AT) if number >= 3 and made <= seconds)])
        assert number_at(seconds, Node()) == expected, seconds


def test_a_recent_time_needs_recent_blocks_only() -> None:
    """A node without the oldest ones answers; for a time in which it lacks blocks it is unknown."""
    node = Node(oldest=6)
    assert number_at(60, node) == 7
    assert min(node.asked) >= 6
    with pytest.raises(Unavailable, match="lacks block"):
        number_at(25, Node(oldest=6))


def test_a_time_before_the_first_block_needs_no_others() -> None:
    """Nothing was there yet, whatever the node has forgotten of what came later."""
    node = Node(oldest=6, first=True)
    assert number_at(19, node) == CONFIG.start_block - 1
    with pytest.raises(Unavailable, match="lacks block"):
        number_at(25, node)
