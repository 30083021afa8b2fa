"""Sealing the ledger."""

from collections.abc import Iterator

import pytest

from emulators.stack.stack import Stack
from emulators.waiting import until
from tests.functions.wallet.test_create_transfer import send
from tests.isolated_services import IsolatedServices, IsolatedUser

AS_BEFORE = """
    INSERT INTO seals (number, from_transaction, to_transaction, entries, hash, sealed_at)
    SELECT 1, '0', x.to_transaction, b.entries, sha256(convert_to(b.content, 'UTF8')), now()
    FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS to_transaction) x, sealed_batch('0', x.to_transaction) b
    WHERE b.entries > 0
    RETURNING number"""
"""How seals were made when they had no format."""


@pytest.fixture(scope="module")
def spoilt(stack: Stack) -> Iterator[IsolatedServices]:
    """Isolated services whose ledger no other test needs intact."""
    with IsolatedServices.within(stack) as running:
        yield running


def seals(isolated: IsolatedServices) -> list[tuple[int, int]]:
    """The seals as (number, entries)."""
    rows = isolated.probe.rows("wallet", "SELECT number, entries FROM seals ORDER BY number")
    return [(row["number"], row["entries"]) for row in rows]


def seal(isolated: IsolatedServices) -> int:
    """Seal everything. Returns how many entries that covered. Other open transactions may delay the horizon."""
    sealed = 0

    def all_sealed() -> bool:
        nonlocal sealed
        sealed += isolated.run("seal_entries")["sealed"]
        total = isolated.probe.rows("wallet", "SELECT count(*) AS n FROM entries")[0]["n"]
        return bool(sum(entries for _, entries in seals(isolated)) == total)

    until(all_sealed, bool)
    return sealed


def tamper(isolated: IsolatedServices, sql: str) -> None:
    """Change history as only the database's owner can."""
    with isolated.superuser("wallet") as connection:
        connection.run(sql)


def transfer_of(somebody: IsolatedUser) -> str:
    """The condition that picks the transfers of a wallet."""
    return f"id IN (SELECT transfer_id FROM entries WHERE account = '{somebody.wallet_id}')"


def broken(isolated: IsolatedServices) -> set[str]:
    """The seals that do not hold."""
    found = (violation.split(": ") for violation in isolated.violations() if violation.startswith("seals_hold"))
    return {" ".join(rest.split()[:2]) for _, rest, *_ in found}


def test_each_entry_is_sealed_once(isolated: IsolatedServices) -> None:
    """A seal covers what was committed since the last one; without anything new there is none."""
    one, other = isolated.new_user(USDC=10), isolated.new_user()
    seal(isolated)
    before = len(seals(isolated))
    send(isolated, one, other, 3)
    send(isolated, one, other, 4)
    assert seal(isolated) == 4
    assert isolated.run("seal_entries") == {"sealed": 0}
    numbers = [number for number, _ in seals(isolated)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > before
    assert isolated.violations() == []


def test_an_open_transaction_is_left_for_the_next_seal(isolated: IsolatedServices) -> None:
    """Entries of a transaction that commits late are in a later seal, and in none twice."""
    one, other = isolated.new_user(USDC=10), isolated.new_user()
    seal(isolated)
    late = isolated.bound("create_transfer").work(None, None)
    with late.transaction() as work:
        work.current_transaction.run("SELECT pg_current_xact_id()", {})
        send(isolated, one, other, 1)
        assert isolated.run("seal_entries") == {"sealed": 0}
    assert seal(isolated) == 2


@pytest.mark.parametrize(
    ("change", "back"),
    [
        ("entries SET created_at = created_at - interval '1 day'", "created_at = created_at + interval '1 day'"),
        ("entries SET amount = amount * 2", "amount = amount / 2"),
        ("entries SET balance_after = NULL, currency = 'ETH'", "balance_after = 10, currency = 'USDC'"),
        ("entries SET position = DEFAULT", None),
        ("transfers SET kind = 'deposit'", "kind = 'faucet'"),
        ("transfers SET order_id = id", "order_id = NULL"),
        ("transfers SET order_id = ''", "order_id = NULL"),
        ("transfers SET reference = '|' || id", "reference = ''"),
        ("transfers SET created_at = created_at - interval '1 day'", "created_at = created_at + interval '1 day'"),
        ("transfers SET transaction = '99999999999'", None),
    ],
)
def test_whatever_is_changed_under_a_seal_shows(spoilt: IsolatedServices, change: str, back: str | None) -> None:
    """Any column of an entry or a transfer, and the batch that it stands in."""
    somebody = spoilt.new_user(USDC=10)
    seal(spoilt)
    last = seals(spoilt)[-1][0]
    assert f"seal {last}" not in broken(spoilt)
    which = transfer_of(somebody) if change.startswith("transfers") else f"account = '{somebody.wallet_id}'"
    tamper(spoilt, f"UPDATE {change} WHERE {which}")
    assert f"seal {last}" in broken(spoilt)
    if back:
        tamper(spoilt, f"UPDATE {change.split(maxsplit=1)[0]} SET {back} WHERE {which}")
        assert f"seal {last}" not in broken(spoilt)


def test_a_text_that_moved_into_another_column_shows(spoilt: IsolatedServices) -> None:
    """Joined with bars, an order's id behind a bar in the reference read as if it stood in its own column."""
    which = transfer_of(spoilt.new_user(USDC=10))
    tamper(spoilt, f"UPDATE transfers SET order_id = id WHERE {which}")
    seal(spoilt)
    last = seals(spoilt)[-1][0]
    tamper(spoilt, f"UPDATE transfers SET reference = '|' || order_id, order_id = NULL WHERE {which}")
    assert f"seal {last}" in broken(spoilt)
    tamper(spoilt, f"UPDATE transfers SET order_id = id, reference = '' WHERE {which}")
    assert f"seal {last}" not in broken(spoilt)


def test_rows_that_come_and_go_under_a_seal_show(spoilt: IsolatedServices) -> None:
    """A transfer that is made up for a sealed batch, without any posting, and one that is taken out of it."""
    which = transfer_of(spoilt.new_user(USDC=10))
    seal(spoilt)
    last = f"seal {seals(spoilt)[-1][0]}"
    columns = "kind, reference, order_id, created_at, transaction"
    tamper(
        spoilt, f"INSERT INTO transfers (id, {columns}) SELECT 'trf_us_made_up', {columns} FROM transfers WHERE {which}"
    )
    assert last in broken(spoilt)
    tamper(spoilt, "DELETE FROM transfers WHERE id = 'trf_us_made_up'")
    assert last not in broken(spoilt)
    tamper(spoilt, f"DELETE FROM transfers WHERE {which}")
    assert last in broken(spoilt)


def test_the_chain_itself_shows_what_is_done_to_it(spoilt: IsolatedServices) -> None:
    """A seal that is left out, dated back, of another batch, or of a format that there is not."""
    for _ in range(3):
        spoilt.new_user(USDC=10)
        seal(spoilt)
    (before, _), (number, _) = seals(spoilt)[-2:]
    for change, back in (
        ("format = 1", "format = 2"),
        ("format = 3", "format = 2"),
        ("sealed_at = sealed_at - interval '1 day'", "sealed_at = sealed_at + interval '1 day'"),
        ("entries = entries + 1", "entries = entries - 1"),
        ("hash = sha256(hash)", None),
    ):
        tamper(spoilt, f"UPDATE seals SET {change} WHERE number = {number}")
        assert f"seal {number}" in broken(spoilt), change
        if back:
            tamper(spoilt, f"UPDATE seals SET {back} WHERE number = {number}")
            assert f"seal {number}" not in broken(spoilt)
    tamper(spoilt, f"DELETE FROM seals WHERE number = {before}")
    assert f"seal {number}" in broken(spoilt)


def test_seals_of_before_stay_verifiable(stack: Stack) -> None:
    """Seals of format 1 are verified in that format, and the chain continues from them."""
    with IsolatedServices.within(stack) as isolated:
        somebody = isolated.new_user(USDC=10)
        until(lambda: isolated.probe.rows("wallet", AS_BEFORE), bool)
        isolated.fund(somebody, 5)
        seal(isolated)
        assert broken(isolated) == set()
        mine = "SELECT transfer_id FROM entries WHERE amount = 10"
        tamper(isolated, f"UPDATE transfers SET kind = 'gift' WHERE id IN ({mine})")
        assert "seal 1" in broken(isolated)
