"""What journeys have in common."""

import pytest

from emulators.stack import Stack
from shared.config import Settings
from tests.chain import LocalChain


@pytest.fixture(scope="session")
def chain(stack: Stack, settings: Settings) -> LocalChain:
    """The stack's chain. It needs npm: without, the stack has none."""
    assert "chain" in stack.ports, "these tests need the local chain: install npm"
    return LocalChain(settings.chain_urls[settings.custody_chain_id])
