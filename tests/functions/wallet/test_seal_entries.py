"""Sealing the ledger."""

from tests.functions.wallet.test_create_transfer import send
from tests.island import Island
from tests.waiting import until


def seals(island: Island) -> list[tuple[int, int]]:
    """The seals as (number, entries)."""
    rows = island.books.rows("wallet", "SELECT number, entries FROM seals ORDER BY number")
    return [(row["number"], row["entries"]) for row in rows]


def seal(island: Island) -> int:
    """Seal everything; how many entries that covered. A transaction of anybody on the server may delay the horizon."""
    sealed = 0

    def all_sealed() -> bool:
        nonlocal sealed
        sealed += island.run("seal_entries")["sealed"]
        total = island.books.rows("wallet", "SELECT count(*) AS n FROM entries")[0]["n"]
        return bool(sum(entries for _, entries in seals(island)) == total)

    until(all_sealed, bool)
    return sealed


def tamper(island: Island, sql: str) -> None:
    """Change history as only the database's owner can."""
    with island.superuser("wallet") as connection:
        connection.run("ALTER TABLE entries DISABLE TRIGGER ALL")
        connection.run(sql)
        connection.run("ALTER TABLE entries ENABLE TRIGGER ALL")


def test_each_entry_is_sealed_once(island: Island) -> None:
    """A seal covers what was committed since the last one; without anything new there is none."""
    one, other = island.islander(USDC=10), island.islander()
    seal(island)
    before = len(seals(island))
    send(island, one, other, 3)
    send(island, one, other, 4)
    assert seal(island) == 4
    assert island.run("seal_entries") == {"sealed": 0}
    numbers = [number for number, _ in seals(island)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > before
    assert island.violations() == []


def test_an_open_transaction_is_left_for_the_next_seal(island: Island) -> None:
    """Entries of a transaction that commits late are in a later seal, and in none twice."""
    one, other = island.islander(USDC=10), island.islander()
    seal(island)
    late = island.bound("create_transfer").work(None, None)
    with late.transaction() as work:
        work.opened.run("SELECT pg_current_xact_id()", {})
        send(island, one, other, 1)
        assert island.run("seal_entries") == {"sealed": 0}
    assert seal(island) == 2


def test_tampering_shows(island: Island) -> None:
    """An amount changed in both its legs, which still sums to zero, breaks the seal over it."""
    one, other = island.islander(USDC=10), island.islander()
    send(island, one, other, 5)
    seal(island)
    wallets = f"('{one.wallet_id}', '{other.wallet_id}')"
    tamper(island, f"UPDATE entries SET created_at = created_at - interval '1 day' WHERE account IN {wallets}")
    assert any(violation.startswith("seals_hold") for violation in island.violations())
    tamper(island, f"UPDATE entries SET created_at = created_at + interval '1 day' WHERE account IN {wallets}")
    assert island.violations() == []
