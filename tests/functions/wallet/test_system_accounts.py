"""The floors of the system accounts: nobody can take the depositors' money out of them."""

from collections.abc import Iterator
from functools import partial

import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from emulators.stack.stack import Stack
from emulators.waiting import until
from functions.wallet.adapters.work import Work
from functions.wallet.domain.errors import InsufficientFunds
from functions.wallet.domain.ledger import Posting, Transfer
from shared import ids
from tests.functions.wallet.test_operator_transfers import TRANSFERS, moving, post, reverse
from tests.isolated_services import IsolatedServices
from tests.problems import refused
from tests.races import at_once


@pytest.fixture(scope="module")
def alone(stack: Stack) -> Iterator[IsolatedServices]:
    """Isolated services whose system accounts no other test moves."""
    with IsolatedServices.within(stack) as running:
        yield running


def balance(isolated: IsolatedServices, account: str, currency: str = "USDC") -> int:
    sql = "SELECT coalesce(sum(amount), 0) AS total FROM entries WHERE account = :account AND currency = :currency"
    return int(isolated.probe.rows("wallet", sql, account=account, currency=currency)[0]["total"])


def empty(isolated: IsolatedServices, account: str) -> str:
    """Take out the whole balance. Returns the wallet that gets it."""
    to = isolated.new_user().wallet_id
    if left := balance(isolated, account):
        post(isolated, (account, to, left))
    return to


@pytest.mark.parametrize("account", ["fees", "losses"])
def test_nothing_is_taken_that_is_not_there(alone: IsolatedServices, account: str) -> None:
    """One unit too many is INSUFFICIENT_FUNDS, at any place of linked transfers; the whole balance may be taken."""
    to = empty(alone, account)
    giver = alone.new_user(USDC=10)
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


def test_a_reversal_takes_no_more_either(alone: IsolatedServices) -> None:
    """A fee that has been spent cannot be reversed."""
    to, giver = empty(alone, "fees"), alone.new_user(USDC=10)
    [made] = post(alone, (giver.wallet_id, "fees", 10))
    post(alone, ("fees", to, 1))
    with pytest.raises(InsufficientFunds):
        reverse(alone, made.id)
    assert balance(alone, "fees") == 9


def test_who_takes_at_once_takes_no_more_than_there_is(alone: IsolatedServices) -> None:
    """Twenty take a third of the balance each, while others give: three succeed, and the floor holds."""
    to, giver = empty(alone, "fees"), alone.new_user(USDC=1000)
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


def test_it_is_409_to_an_operator(operator: ApiUser, buyer: ApiUser) -> None:
    """More than the fees ever earned; nothing moves."""
    body = {"transfers": [moving("fees", buyer.wallet_id, str(10**30))]}
    before = buyer.balance("USDC")
    refused(operator.request("POST", TRANSFERS, body, key=fresh_key()), 409, "INSUFFICIENT_FUNDS")
    body = {"transfers": [moving("losses", buyer.wallet_id, str(10**30))]}
    refused(operator.request("POST", TRANSFERS, body, key=fresh_key()), 409, "INSUFFICIENT_FUNDS")
    assert buyer.balance("USDC") == before


def test_a_sale_does_not_wait_for_who_takes(alone: IsolatedServices) -> None:
    """While a debit of fees is open, a credit commits at once; another debit waits."""
    to, giver = empty(alone, "fees"), alone.new_user(USDC=100)
    post(alone, (giver.wallet_id, "fees", 5))
    with Work(alone.resources, "wallet").transaction() as work:
        legs = (Posting("fees", "USDC", -5), Posting(to, "USDC", 5))
        work.ledger.post(Transfer(work.new_id("trf"), "adjustment", legs, work.now()), {})
        post(alone, (giver.wallet_id, "fees", 1))
        assert balance(alone, "fees") == 6  # what is open is not seen yet
    assert balance(alone, "fees") == 1


def test_balances_are_rolled_up(alone: IsolatedServices) -> None:
    """Entries are rolled up once, whatever transactions are open, and floors are the same before and after."""
    to, giver, other = empty(alone, "fees"), alone.new_user(USDC=100), alone.new_user(USDC=100)
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
        return int(alone.probe.rows("wallet", sql)[0]["balance"])

    # As soon as nothing is under way on the whole server that began before.
    assert until(rolled_up, lambda rolled: rolled == 8) == balance(alone, "fees")
    with pytest.raises(InsufficientFunds):
        post(alone, ("fees", to, 9))
    post(alone, ("fees", to, 3))
    post(alone, ("fees", to, 5))
    assert balance(alone, "fees") == 0
    assert alone.violations() == []


def test_it_is_rolled_up_in_parts(alone: IsolatedServices) -> None:
    """A run takes a limited number of transfers, and none is left out in the end."""
    giver = alone.new_user(USDC=100)
    sql = "SELECT count(*) AS number FROM transfers, roll_ups WHERE transaction >= up_to"
    [before] = alone.probe.rows("wallet", sql)
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
    with IsolatedServices.within(stack) as isolated:
        somebody = isolated.new_user(USDC=1)
        assert isolated.violations() == []
        sql = """
            INSERT INTO entries (transfer_id, account, currency, amount, created_at)
            VALUES (:id, :a, 'USDC', :n, now())"""
        with isolated.superuser("wallet") as connection:
            made = ids.new("trf", "us")
            connection.run("INSERT INTO transfers VALUES (:id, 'adjustment', '', NULL, now())", id=made)
            connection.run(sql, id=made, a=account, n=change)
            connection.run(sql, id=made, a="transit", n=-change)
        assert somebody
        assert {each.split(":")[0] for each in isolated.violations()} >= {invariant}


def test_a_wrong_roll_up_is_found(stack: Stack) -> None:
    """It would move a floor."""
    with IsolatedServices.within(stack) as isolated:
        isolated.new_user(USDC=1)
        isolated.run("roll_up_accounts")
        assert isolated.violations() == []
        with isolated.superuser("wallet") as connection:
            connection.run("INSERT INTO house_balances VALUES ('fees', 'USDC', 5)")
        assert {each.split(":")[0] for each in isolated.violations()} == {"roll_ups_are_their_entries"}
