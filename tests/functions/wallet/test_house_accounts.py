"""The floors of the house's own accounts: nobody takes out of them what depositors own."""

from collections.abc import Iterator
from functools import partial

import pytest

from emulators.buyer import Person, fresh_key
from emulators.stack import Stack
from functions.wallet.domain.errors import InsufficientFunds
from functions.wallet.domain.ledger import Posting, Transfer
from functions.wallet.store import Work
from shared import ids
from tests.functions.wallet.test_operator_transfers import TRANSFERS, moving, post, reverse
from tests.island import Island
from tests.problems import refused
from tests.races import at_once
from tests.waiting import until


@pytest.fixture(scope="module")
def alone(stack: Stack) -> Iterator[Island]:
    """An island whose house accounts nobody else moves."""
    with Island.off(stack) as running:
        yield running


def balance(island: Island, account: str, currency: str = "USDC") -> int:
    sql = "SELECT coalesce(sum(amount), 0) AS total FROM entries WHERE account = :account AND currency = :currency"
    return int(island.books.rows("wallet", sql, account=account, currency=currency)[0]["total"])


def empty(island: Island, account: str) -> str:
    """Take out what there is; the wallet that has it."""
    to = island.islander().wallet_id
    if left := balance(island, account):
        post(island, (account, to, left))
    return to


@pytest.mark.parametrize("account", ["fees", "losses"])
def test_nothing_is_taken_that_is_not_there(alone: Island, account: str) -> None:
    """One unit too many is INSUFFICIENT_FUNDS, at any place of linked transfers; all that is there may be taken."""
    to = empty(alone, account)
    giver = alone.islander(USDC=10)
    with pytest.raises(InsufficientFunds):
        post(alone, (account, to, 1))
    with pytest.raises(InsufficientFunds):  # on the way, before another brings it
        post(alone, (account, to, 1), (giver.wallet_id, account, 1))
    post(alone, (giver.wallet_id, account, 6))
    with pytest.raises(InsufficientFunds):
        post(alone, (account, to, 7))
    with pytest.raises(InsufficientFunds):
        post(alone, (account, to, 3), (account, giver.wallet_id, 4))
    post(alone, (account, to, 6))
    assert balance(alone, account) == 0
    post(alone, (giver.wallet_id, account, 4), (account, to, 4))
    assert balance(alone, account) == 0
    assert alone.violations() == []


def test_a_reversal_takes_no_more_either(alone: Island) -> None:
    """What was paid as a fee and is spent cannot be given back."""
    to, giver = empty(alone, "fees"), alone.islander(USDC=10)
    [made] = post(alone, (giver.wallet_id, "fees", 10))
    post(alone, ("fees", to, 1))
    with pytest.raises(InsufficientFunds):
        reverse(alone, made.id)
    assert balance(alone, "fees") == 9


def test_who_takes_at_once_takes_no_more_than_there_is(alone: Island) -> None:
    """Twenty take a third each of what is there, while others give: three succeed, and the floor holds."""
    to, giver = empty(alone, "fees"), alone.islander(USDC=1000)
    post(alone, (giver.wallet_id, "fees", 9))
    taken = at_once([partial(post, alone, ("fees", to, 3))] * 20)
    assert [each for each in taken if isinstance(each, Exception) and not isinstance(each, InsufficientFunds)] == []
    assert sum(not isinstance(each, Exception) for each in taken) == 3
    assert balance(alone, "fees") == 0
    calls = [partial(post, alone, ("fees", to, 2)), partial(post, alone, (giver.wallet_id, "fees", 1))] * 10
    results = at_once(calls)
    assert all(not isinstance(each, Exception) for each in results[1::2])
    assert balance(alone, "fees") == 10 - 2 * sum(not isinstance(each, Exception) for each in results[::2]) >= 0
    assert alone.violations() == []


def test_it_is_409_to_an_operator(operator: Person, buyer: Person) -> None:
    """More than the house ever earned; nothing moves."""
    body = {"transfers": [moving("fees", buyer.wallet_id, str(10**30))]}
    before = buyer.balance("USDC")
    refused(operator.request("POST", TRANSFERS, body, key=fresh_key()), 409, "INSUFFICIENT_FUNDS")
    body = {"transfers": [moving("losses", buyer.wallet_id, str(10**30))]}
    refused(operator.request("POST", TRANSFERS, body, key=fresh_key()), 409, "INSUFFICIENT_FUNDS")
    assert buyer.balance("USDC") == before


def test_a_sale_does_not_wait_for_who_takes(alone: Island) -> None:
    """While a transaction that took from fees is open, another gives to it and commits; who takes waits for it."""
    to, giver = empty(alone, "fees"), alone.islander(USDC=100)
    post(alone, (giver.wallet_id, "fees", 5))
    with Work(alone.resources, "wallet").transaction() as work:
        legs = (Posting("fees", "USDC", -5), Posting(to, "USDC", 5))
        work.ledger.post(Transfer(work.new_id("trf"), "adjustment", legs, work.now()), {})
        post(alone, (giver.wallet_id, "fees", 1))
        assert balance(alone, "fees") == 6  # what is open is not seen yet
    assert balance(alone, "fees") == 1


def test_balances_are_rolled_up(alone: Island) -> None:
    """What was summed up is not summed again, whatever is open meanwhile, and floors are the same before and after."""
    to, giver, other = empty(alone, "fees"), alone.islander(USDC=100), alone.islander(USDC=100)
    post(alone, (giver.wallet_id, "fees", 5))
    with Work(alone.resources, "wallet").transaction() as work:
        legs = (Posting(other.wallet_id, "USDC", -2), Posting("fees", "USDC", 2))
        work.ledger.post(Transfer(work.new_id("trf"), "adjustment", legs, work.now()), {})
        post(alone, (giver.wallet_id, "fees", 1))  # begins later, and ends before
        alone.run("roll_up_accounts")
        assert alone.violations() == []

    def rolled_up() -> int:
        alone.run("roll_up_accounts")
        sql = "SELECT balance FROM house_balances WHERE (account, currency) = ('fees', 'USDC')"
        return int(alone.books.rows("wallet", sql)[0]["balance"])

    # As soon as nothing is under way on the whole server that began before.
    assert until(rolled_up, lambda rolled: rolled == 8) == balance(alone, "fees")
    with pytest.raises(InsufficientFunds):
        post(alone, ("fees", to, 9))
    post(alone, ("fees", to, 3))
    post(alone, ("fees", to, 5))
    assert balance(alone, "fees") == 0
    assert alone.violations() == []


def test_it_is_rolled_up_in_parts(alone: Island) -> None:
    """A run takes so many transfers at most, and leaves out none."""
    giver = alone.islander(USDC=100)
    sql = "SELECT count(*) AS number FROM transfers, roll_ups WHERE transaction >= up_to"
    [before] = alone.books.rows("wallet", sql)
    for _ in range(7):
        post(alone, (giver.wallet_id, "losses", 1))
    parts: list[int] = []

    def rolled_up() -> int:
        with Work(alone.resources, "wallet").transaction() as work:
            parts.append(work.ledger.roll_up(3))
        return sum(parts)

    assert until(rolled_up, lambda total: total == before["number"] + 7)
    assert max(parts) == 3
    assert alone.violations() == []


@pytest.mark.parametrize(
    ("account", "change", "invariant"),
    [
        ("fees", -(10**9), "house_accounts_keep_their_floors"),
        ("losses", -1, "house_accounts_keep_their_floors"),
        ("escrow", -1, "house_accounts_keep_their_floors"),
        ("faucet", 10**40, "the_faucet_only_gives"),
    ],
)
def test_what_is_below_its_floor_is_found(stack: Stack, account: str, change: int, invariant: str) -> None:
    """Written into the ledger by hand, with all sums in order."""
    with Island.off(stack) as island:
        somebody = island.islander(USDC=1)
        assert island.violations() == []
        sql = """
            INSERT INTO entries (transfer_id, account, currency, amount, created_at)
            VALUES (:id, :a, 'USDC', :n, now())"""
        with island.superuser("wallet") as connection:
            made = ids.new("trf", "us")
            connection.run("INSERT INTO transfers VALUES (:id, 'adjustment', '', NULL, now())", id=made)
            connection.run(sql, id=made, a=account, n=change)
            connection.run(sql, id=made, a="transit", n=-change)
        assert somebody
        assert {each.split(":")[0] for each in island.violations()} >= {invariant}


def test_a_wrong_roll_up_is_found(stack: Stack) -> None:
    """It would move a floor."""
    with Island.off(stack) as island:
        island.islander(USDC=1)
        island.run("roll_up_accounts")
        assert island.violations() == []
        with island.superuser("wallet") as connection:
            connection.run("INSERT INTO house_balances VALUES ('fees', 'USDC', 5)")
        assert {each.split(":")[0] for each in island.violations()} == {"roll_ups_are_their_entries"}
