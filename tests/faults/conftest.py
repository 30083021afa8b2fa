"""A stack of their own for tests that kill its parts: other tests need one that keeps standing."""

from collections.abc import Iterator

import pytest

from emulators.stack import Stack


@pytest.fixture(scope="package")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack whose parts may be killed."""
    at_once = {"CLAIM_REDEEM_AFTER_SECONDS": "0"}
    with Stack(state=tmp_path_factory.mktemp("fragile"), free_ports=True, overrides=at_once) as running:
        yield running
