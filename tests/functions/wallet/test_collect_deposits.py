"""Fetching what lies on deposit addresses."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from functions.wallet.get_deposit_address import GetDepositAddress
from tests.functions.wallet.custody import Custody


@pytest.fixture
def choosy(custody: Custody) -> Iterator[Custody]:
    """A custody for which less than 100 USDC units are not worth fetching."""
    island, settings = custody.island, custody.island.settings
    island.settings = island.resources.settings = replace(settings, collect_from={"USDC": 100})
    yield custody
    island.settings = island.resources.settings = settings


def test_dust_waits_for_more(choosy: Custody) -> None:
    """What is not worth a transaction is kept where it is, is told of, and comes in whole with what follows."""
    somebody = choosy.island.islander()
    address = choosy.deposit_address(somebody)
    view = choosy.island.run(
        "get_deposit_address", request=GetDepositAddress(somebody.wallet_id), caller=somebody.caller
    )
    assert {least.currency: least.amount for least in view.least} == {"ETH": 1, "USDC": 100}
    choosy.chain.mint(address, 99)
    assert choosy.island.run("collect_deposits") == {"sent": 0}
    choosy.watch()
    assert choosy.island.books.money(somebody.wallet_id) == (0, 0)
    choosy.chain.mint(address, 1)
    assert choosy.island.run("collect_deposits") == {"sent": 1}
    choosy.settle()
    choosy.watch()
    assert choosy.island.books.money(somebody.wallet_id) == (100, 0)
