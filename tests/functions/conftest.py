"""What tests of functions have in common: an island, where orders can be stopped anywhere and events be held back."""

from collections.abc import Iterator

import pytest

from emulators import secrets
from emulators.stack import Stack
from shared.config import Settings, read
from tests.island import Island


@pytest.fixture(scope="session")
def island(stack: Stack) -> Iterator[Island]:
    """Services on databases of their own."""
    settings: Settings = read(stack.environment)
    with Island(settings, secrets.read(stack.layout.secrets, "postgres.password")) as running:
        yield running
