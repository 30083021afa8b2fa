"""What tests of wallets have in common."""

from collections.abc import Iterator

import pytest

from emulators.stack import secrets
from emulators.stack.stack import Stack
from shared.config import read
from tests.chain import LocalChain
from tests.functions.wallet.custody import Custody, custody_of


@pytest.fixture(scope="session")
def custody(stack: Stack, chain: LocalChain) -> Iterator[Custody]:
    """Isolated services with a vault and a treasury of their own."""
    password = secrets.read(stack.layout.secrets, "postgres.password")
    with custody_of(read(stack.environment), password, chain) as running:
        yield running
