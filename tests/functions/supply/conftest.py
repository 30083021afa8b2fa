"""What tests of supplies have in common: a merchant of the island."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.supply.views import SupplyView
from tests.island import Island, Islander


@pytest.fixture(scope="session")
def seller(island: Island) -> Islander:
    """Somebody who sells on the island."""
    return island.islander()


@pytest.fixture(scope="session")
def sell(island: Island, seller: Islander) -> Callable[..., SupplyView]:
    """Puts a supply on sale on the island; what is given goes before the defaults, which are ten units at 1000."""

    def put_up(**terms: Any) -> SupplyView:
        return island.sell(seller, **terms)

    return put_up
