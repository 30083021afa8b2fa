"""Shared by the tests of supplies: a merchant of the isolated services."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emulators.stack.stack import Stack
from functions.supply.views import SupplyView
from tests.functions.supply.cells import Cells, cells
from tests.isolated_services import IsolatedServices, IsolatedUser


@pytest.fixture(scope="session")
def seller(isolated: IsolatedServices) -> IsolatedUser:
    """A user of the isolated services who sells."""
    return isolated.new_user()


@pytest.fixture(scope="session")
def sell(isolated: IsolatedServices, seller: IsolatedUser) -> Callable[..., SupplyView]:
    """Puts a supply on sale on the isolated services; arguments override the defaults, ten units at 1000."""

    def put_up(**terms: Any) -> SupplyView:
        return isolated.sell(seller, **terms)

    return put_up


@pytest.fixture(scope="session")
def shop(stack: Stack) -> Iterator[Cells]:
    """Three cells, whose events a test hands over."""
    with cells(stack, "us", "eu", "as") as opened:
        opened.warm_up()
        yield opened
