"""The one stack of a run, which all processes that run its tests share."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

from emulators.stack.stack import Stack
from tests.chain import REDEEMED_AT_ONCE

WORKER: Final = "PYTEST_XDIST_WORKER"
"""Is set in a process that runs a share of the tests, by pytest-xdist."""

CUSTODIANS: Final = ("tests/journeys/", "tests/functions/wallet/", "tests/functions/claiming/")
"""Where tests sign with the keys of the stack's treasury or relayer, or undo blocks: nonces and the chain are one."""


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


class SharesScheduling(LoadFileScheduling):  # type: ignore[misc]  # pytest-xdist is not typed
    """Deals all tests of a file out to one process, and so those of CUSTODIANS together."""

    def _split_scope(self, nodeid: str) -> str:
        return "custodians" if nodeid.startswith(CUSTODIANS) else str(super()._split_scope(nodeid))
