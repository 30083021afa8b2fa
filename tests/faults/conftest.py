"""A separate stack for tests that kill its processes, which others rely on in the shared one."""

import os
from collections.abc import Iterator

import pytest

from emulators.demo.runner import EMULATOR_VARIABLES
from emulators.stack.stack import Stack
from tests.chain import REDEEMED_AT_ONCE


@pytest.fixture(scope="package")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack whose processes may be killed. Google's clients find its emulators until it stops."""
    others = {name: os.environ[name] for name in EMULATOR_VARIABLES if name in os.environ}
    with Stack(state=tmp_path_factory.mktemp("fragile"), free_ports=True, overrides=REDEEMED_AT_ONCE) as running:
        yield running
    for name in EMULATOR_VARIABLES:
        os.environ.pop(name, None)
    os.environ.update(others)
