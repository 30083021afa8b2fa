"""A stack of their own for tests that kill its parts: other tests need one that keeps standing."""

import os
from collections.abc import Iterator

import pytest

from emulators.plays import FOUND_BY_NAME
from emulators.stack import Stack
from tests.chain import REDEEMED_AT_ONCE


@pytest.fixture(scope="package")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack whose parts may be killed. Its emulators are found by name until it ends."""
    others = {name: os.environ[name] for name in FOUND_BY_NAME if name in os.environ}
    with Stack(state=tmp_path_factory.mktemp("fragile"), free_ports=True, overrides=REDEEMED_AT_ONCE) as running:
        yield running
    for name in FOUND_BY_NAME:
        os.environ.pop(name, None)
    os.environ.update(others)
