"""Fetching what lies on deposit addresses."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest

from functions.wallet import collect_deposits, collecting
from functions.wallet.get_deposit_address import GetDepositAddress
from functions.wallet.store.vault import ChainTreasury, ChainVault
from shared.adapters.chain import Reverted
from shared.adapters.ethereum import keccak
from shared.chains import CallRefused
from tests.functions.wallet.custody import Custody
from tests.island import Islander


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
    assert choosy.island.run("collect_deposits")["sent"] == 0
    choosy.watch()
    assert choosy.island.books.money(somebody.wallet_id) == (0, 0)
    choosy.chain.mint(address, 1)
    assert choosy.island.run("collect_deposits")["sent"] == 1
    choosy.settle()
    choosy.watch()
    assert choosy.island.books.money(somebody.wallet_id) == (100, 0)


def fetched(custody: Custody, expected: int = 1) -> None:
    """Have one transaction sent for each currency that is due, and mined; the vault tells of what it has fetched."""
    assert custody.island.run("collect_deposits")["sent"] == expected
    custody.settle()
    custody.watch()


def depositors(custody: Custody, number: int) -> list[Islander]:
    """People whose addresses were handed out, in the order of their turns."""
    people = [custody.island.islander() for _ in range(number)]
    for each in people:
        custody.deposit_address(each)
    return sorted(people, key=lambda each: each.wallet_id)


def test_refilled_dust_starves_nobody(custody: Custody, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first addresses are filled again after each run: each has its turn, and so have those behind them."""
    monkeypatch.setattr(collecting, "AT_ONCE", 2)
    *attackers, honest = depositors(custody, 5)
    custody.chain.mint(custody.deposit_address(honest), 1000)
    for _ in range(3):
        for each in attackers:
            custody.chain.mint(custody.deposit_address(each), 1)
        fetched(custody)
    assert custody.island.books.money(honest.wallet_id) == (1000, 0)
    for _ in range(3):
        custody.island.run("collect_deposits")
        custody.settle()


def test_more_addresses_than_one_run_looks_at_have_their_turn(
    custody: Custody, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing lies on the ones that were looked at, the next run looks at those that follow."""
    monkeypatch.setattr(collect_deposits, "LOOKED_AT", 4)
    monkeypatch.setattr(collecting, "PAGE", 3)
    people = depositors(custody, 9)
    for amount, each in enumerate(people, 1):
        if amount % 4 == 0:
            custody.chain.mint(custody.deposit_address(each), amount)
    [row] = custody.island.books.rows("wallet", "SELECT count(*) AS number FROM deposit_addresses")
    for _ in range(row["number"]):
        custody.island.run("collect_deposits")
        custody.settle()
    custody.watch()
    paid = [custody.island.books.money(each.wallet_id)[0] for each in people]
    assert paid == [0, 0, 0, 4, 0, 0, 0, 8, 0]


@pytest.mark.parametrize("broken", ["uncollected", "collection"])
def test_an_address_that_cannot_be_fetched_holds_up_no_other(custody: Custody, broken: str) -> None:
    """The first of all is one for which the token reverts: it is counted and tried again, the others are fetched."""
    people = depositors(custody, 3)
    for each in people:
        custody.chain.mint(custody.deposit_address(each), 500)
    first = keccak(people[0].wallet_id.encode())
    owner: type = ChainVault if broken == "uncollected" else ChainTreasury
    real = getattr(owner, broken)

    def poisoned(self: Any, *arguments: Any) -> Any:
        keys = arguments[0 if broken == "uncollected" else 1]
        if first in keys and arguments[-1] == "USDC":
            raise Reverted("it reverts") if broken == "uncollected" else CallRefused("it reverts")
        return real(self, *arguments)

    with patch.object(owner, broken, poisoned):
        for _ in range(4):
            custody.island.run("collect_deposits")
            custody.settle()
        custody.watch()
    assert [custody.island.books.money(each.wallet_id)[0] for each in people] == [0, 500, 500]
    sql = "SELECT item, attempts FROM job_failures WHERE job = 'collect_deposits'"
    [failing] = custody.island.books.rows("wallet", sql)
    assert people[0].wallet_id in failing["item"] and failing["attempts"] >= 1
    with custody.island.later(timedelta(hours=1)):
        custody.island.run("collect_deposits")
    custody.settle()
    custody.watch()
    assert custody.island.books.money(people[0].wallet_id) == (500, 0)
    assert custody.island.books.rows("wallet", sql) == []


def test_addresses_that_were_never_fetched_from_are_not_too_many_at_once(custody: Custody) -> None:
    """Each needs a contract first: where one transaction has no gas for all, it fetches from some of them, not one."""
    people = depositors(custody, 40)
    for each in people:
        custody.chain.mint(custody.deposit_address(each), 7)
    runs = 0
    while custody.island.run("collect_deposits")["sent"]:
        runs += 1
        custody.settle()
    custody.watch()
    assert all(custody.island.books.money(each.wallet_id) == (7, 0) for each in people)
    assert runs <= 4
