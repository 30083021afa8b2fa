"""The one stack of a run, which all processes that run its tests share."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from emulators.stack.stack import Stack
from tests.chain import REDEEMED_AT_ONCE

WORKER: Final = "PYTEST_XDIST_WORKER"
"""Is set in a process that runs a share of the tests, by pytest-xdist."""

CUSTODIANS: Final = frozenset({"custody", "spoilt", "redemptions"})
"""The fixtures of tests that sign transactions as the stack's treasury or relayer do."""


def stack_of(config: pytest.Config) -> Stack:
    """The stack of a run, up or not; it ends with the process that deals out the tests."""
    factory: pytest.TempPathFactory = config._tmp_path_factory  # type: ignore[attr-defined]  # hooks get no fixture
    folder, owner = factory.getbasetemp(), os.getpid()
    if WORKER in os.environ:
        folder, owner = folder.parent, os.getppid()
    return Stack(state=folder / "stack", free_ports=True, overrides=REDEEMED_AT_ONCE, owner=owner)


@contextlib.contextmanager
def turn(folder: Path, *, alone: bool) -> Iterator[None]:
    """Use the stack whose files are beside `folder`, together with others or alone.

    Whoever wants it alone closes the door first, so that a stream of others cannot keep them waiting.
    """
    with (folder / "door").open("wb") as door, (folder / "room").open("wb") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield


def share_of(item: pytest.Item) -> str:
    """By what a test is dealt out: its file, or `chain`.

    Those that sign with the keys of treasury or relayer, or undo blocks, run in one process: nonces and the chain are
    one.
    """
    if "journeys" in item.path.parts or not CUSTODIANS.isdisjoint(getattr(item, "fixturenames", ())):
        return "chain"
    return item.location[0]
