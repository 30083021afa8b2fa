"""What tests of wallets have in common."""

from collections.abc import Iterator

import pytest

from emulators import secrets
from emulators.stack import Stack
from shared.config import read
from tests.chain import LocalChain
from tests.functions.wallet.custody import Custody, custody_of


@pytest.fixture(scope="session")
def custody(stack: Stack, chain: LocalChain) -> Iterator[Custody]:
    """An island with a vault and a treasury of its own."""
    password = secrets.read(stack.layout.secrets, "postgres.password")
    with custody_of(read(stack.environment), password, chain) as running:
        yield running
