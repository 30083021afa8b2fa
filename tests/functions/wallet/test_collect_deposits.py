"""Collecting the balances of deposit addresses."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from msgspec.structs import replace

from functions.wallet import collect_deposits, deposit_collection
from functions.wallet.adapters.vault import ChainTreasury, ChainVault
from functions.wallet.get_deposit_address import GetDepositAddress
from shared.chain.core.values import CallRefused
from shared.chain.ethereum import keccak
from shared.chain.node import Reverted
from tests.functions.wallet.custody import Custody
from tests.isolated_services import IsolatedUser


@pytest.fixture
def choosy(custody: Custody) -> Iterator[Custody]:
    """A custody that collects 100 USDC units at least."""
    isolated, settings = custody.isolated, custody.isolated.settings
    isolated.settings = isolated.resources.settings = replace(settings, collect_from={"USDC": 100})
    yield custody
    isolated.settings = isolated.resources.settings = settings


def test_dust_waits_for_more(choosy: Custody) -> None:
    """A balance below the minimum stays on its address, and is collected as a whole with what follows."""
    somebody = choosy.isolated.new_user()
    address = choosy.deposit_address(somebody)
    view = choosy.isolated.run(
        "get_deposit_address", request=GetDepositAddress(somebody.wallet_id), caller=somebody.caller
    )
    assert {least.currency: least.amount for least in view.least} == {"ETH": 1, "USDC": 100}
    choosy.chain.mint(address, 99)
    assert choosy.isolated.run("collect_deposits")["sent"] == 0
    choosy.watch()
    assert choosy.isolated.probe.money(somebody.wallet_id) == (0, 0)
    choosy.chain.mint(address, 1)
    assert choosy.isolated.run("collect_deposits")["sent"] == 1
    choosy.settle()
    choosy.watch()
    assert choosy.isolated.probe.money(somebody.wallet_id) == (100, 0)


def fetched(custody: Custody, expected: int = 1) -> None:
    """Have one transaction sent and mined for each due currency; the vault emits an event for each deposit."""
    assert custody.isolated.run("collect_deposits")["sent"] == expected
    custody.settle()
    custody.watch()


def depositors(custody: Custody, number: int) -> list[IsolatedUser]:
    """Users with registered addresses, in round-robin order."""
    people = [custody.isolated.new_user() for _ in range(number)]
    for each in people:
        custody.deposit_address(each)
    return sorted(people, key=lambda each: each.wallet_id)


def test_refilled_dust_starves_nobody(custody: Custody, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first addresses are refilled after each run: they and those behind them are served in turn."""
    monkeypatch.setattr(deposit_collection, "MAX_PER_TRANSACTION", 2)
    *attackers, honest = depositors(custody, 5)
    custody.chain.mint(custody.deposit_address(honest), 1000)
    for _ in range(3):
        for each in attackers:
            custody.chain.mint(custody.deposit_address(each), 1)
        fetched(custody)
    assert custody.isolated.probe.money(honest.wallet_id) == (1000, 0)
    for _ in range(3):
        custody.isolated.run("collect_deposits")
        custody.settle()


def test_more_addresses_than_one_run_looks_at_have_their_turn(
    custody: Custody, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the scanned addresses are empty, the next run scans those that follow."""
    monkeypatch.setattr(collect_deposits, "MAX_SCANNED", 4)
    monkeypatch.setattr(deposit_collection, "PAGE", 3)
    people = depositors(custody, 9)
    for amount, each in enumerate(people, 1):
        if amount % 4 == 0:
            custody.chain.mint(custody.deposit_address(each), amount)
    [row] = custody.isolated.probe.rows("wallet", "SELECT count(*) AS number FROM deposit_addresses")
    for _ in range(row["number"]):
        custody.isolated.run("collect_deposits")
        custody.settle()
    custody.watch()
    paid = [custody.isolated.probe.money(each.wallet_id)[0] for each in people]
    assert paid == [0, 0, 0, 4, 0, 0, 0, 8, 0]


@pytest.mark.parametrize("broken", ["uncollected", "collection"])
def test_an_address_that_cannot_be_fetched_holds_up_no_other(custody: Custody, broken: str) -> None:
    """The token reverts for the first address: it is recorded and retried, the others are collected."""
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
            custody.isolated.run("collect_deposits")
            custody.settle()
        custody.watch()
    assert [custody.isolated.probe.money(each.wallet_id)[0] for each in people] == [0, 500, 500]
    sql = "SELECT item, attempts FROM job_failures WHERE job = 'collect_deposits'"
    [failing] = custody.isolated.probe.rows("wallet", sql)
    assert people[0].wallet_id in failing["item"] and failing["attempts"] >= 1
    with custody.isolated.later(timedelta(hours=1)):
        custody.isolated.run("collect_deposits")
    custody.settle()
    custody.watch()
    assert custody.isolated.probe.money(people[0].wallet_id) == (500, 0)
    assert custody.isolated.probe.rows("wallet", sql) == []


def test_addresses_that_were_never_fetched_from_are_not_too_many_at_once(custody: Custody) -> None:
    """Each needs a contract first: if one transaction lacks gas for all, it collects from several of them."""
    people = depositors(custody, 40)
    for each in people:
        custody.chain.mint(custody.deposit_address(each), 7)
    runs = 0
    while custody.isolated.run("collect_deposits")["sent"]:
        runs += 1
        custody.settle()
    custody.watch()
    assert all(custody.isolated.probe.money(each.wallet_id) == (7, 0) for each in people)
    assert runs <= 4
