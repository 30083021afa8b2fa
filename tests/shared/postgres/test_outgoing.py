"""What travels together: statements that nobody waits for go with the next one, BEGIN with the first of all."""

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pg8000.exceptions import DatabaseError, InterfaceError

from shared.errors import Contended, OutcomeUnknown
from shared.postgres.database import Database, Transaction
from shared.postgres.outgoing import Outgoing
from shared.postgres.queries import _Prepared
from shared.postgres.transaction import WAITING_AT_MOST
from tests.shared.commit_proxy import CommitProxy

ADD = "insert into things (id, amount) values (:id, 1)"
COUNT = "select count(*) as n from things where id = :id"
REFUSE = "select 1 / 0 as nothing"


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """What each message to the server has: BEGIN, statements by their first word, and what ends it."""
    sent: list[list[str]] = []
    send = Outgoing.send

    def noted(outgoing: Outgoing, query: str | None = None) -> Any:
        message = ["begin"] if outgoing.begins else []
        message += [each.sql.split()[0] for each in outgoing.waiting]
        sent.append([*message, query] if query else message)
        return send(outgoing, query)

    monkeypatch.setattr(Outgoing, "send", noted)
    yield sent


def new() -> dict[str, str]:
    """The parameters of a new thing."""
    return {"id": secrets.token_hex(8)}


def count(database: Database, thing: dict[str, str]) -> int:
    """How many there are of a thing."""
    with database.transaction() as transaction:
        (row,) = transaction.run(COUNT, thing)
    return int(row["n"])


def test_what_nobody_waits_for_goes_with_the_next(database: Database, messages: list[list[str]]) -> None:
    """In the order in which it was asked for, so that each statement sees what those before it did."""
    thing = new()
    with database.transaction() as transaction:
        added = transaction.later.count(ADD, thing)
        before = transaction.later.run(COUNT, thing)
        assert messages == []
        assert transaction.run(COUNT, thing) == [{"n": 1}]
        assert (added.result(), before.result()) == (1, [{"n": 1}])
        other = transaction.later.count(ADD, new())
    assert messages == [["begin", "insert", "select", "select"], ["insert", "commit"]]
    assert other.result() == 1  # known after the commit


def test_many_that_nobody_waits_for_are_sent_in_parts(database: Database, messages: list[list[str]]) -> None:
    """The server does not wait for the client to read while the client waits for the server to do so."""
    things = [new() for _ in range(5 * WAITING_AT_MOST)]
    long = "select repeat('x', 100000) as text"
    with database.transaction() as transaction:
        texts = [transaction.later.run(long, {}) for _ in range(WAITING_AT_MOST)]
        for thing in things:
            transaction.later.count(ADD, thing)
    assert [len(message) for message in messages] == [WAITING_AT_MOST + 1, *[WAITING_AT_MOST] * 5, 1]
    assert {len(text.result()[0]["text"]) for text in texts} == {100_000}
    assert all(count(database, thing) == 1 for thing in things[:: WAITING_AT_MOST // 2])


def test_a_result_sends_what_waits(database: Database, messages: list[list[str]]) -> None:
    """All of it, in one message."""
    thing = new()
    with database.transaction() as transaction:
        transaction.later.count(ADD, thing)
        found = transaction.later.run(COUNT, thing)
        assert found.result() == [{"n": 1}]
    assert messages == [["begin", "insert", "select"], ["commit"]]


def test_a_transaction_of_nothing_but_writes_begins_before_it_commits(
    database: Database, messages: list[list[str]]
) -> None:
    """An idle connection may have died: what is sent anew must not be committed already."""
    thing = new()
    with database.transaction() as transaction:
        transaction.later.count(ADD, thing)
    assert messages == [["begin", "insert"], ["commit"]]
    assert count(database, thing) == 1


def test_what_fails_on_the_way_is_not_committed(open_database: Callable[..., Database]) -> None:
    """A statement that fails with the commit undoes all; the connection is used again, and no later one is executed."""
    database = open_database(1)
    thing, backends = new(), set[int]()
    for failing, raised in ((REFUSE, DatabaseError), (ADD, Contended)):
        for last in (True, False):
            with pytest.raises(raised), database.transaction() as transaction:
                backends.update(row["pid"] for row in transaction.run("select pg_backend_pid() as pid", {}))
                transaction.later.count(ADD, thing)
                transaction.later.run(failing, thing)
                if not last:
                    transaction.later.count(ADD, new())
            assert count(database, thing) == 0
    assert len(backends) == 1


def test_a_duplicate_is_contention_if_nobody_waits_for_it(database: Database) -> None:
    """Whichever statement it is found with."""
    thing = new()
    with database.transaction() as transaction:
        transaction.run(ADD, thing)
    with pytest.raises(Contended), database.transaction() as transaction:
        transaction.later.count(ADD, thing)
        transaction.run(COUNT, thing)
    with pytest.raises(Contended), database.transaction() as transaction:
        transaction.later.count(ADD, thing)
        transaction.send()
    with pytest.raises(Contended), database.transaction() as transaction:
        transaction.later.count(ADD, thing).result()


def test_what_waits_belongs_to_its_savepoint(database: Database) -> None:
    """What was asked for inside is undone with it, sent or not; what failed inside leaves what came before."""
    before, inside, after = new(), new(), new()
    with database.transaction() as transaction:
        transaction.later.count(ADD, before)
        with pytest.raises(ValueError, match="unsent"), transaction.savepoint():
            transaction.later.count(ADD, inside)
            raise ValueError("unsent")
        with pytest.raises(Contended), transaction.savepoint():
            transaction.later.count(ADD, inside)
            transaction.later.count(ADD, before)
        with transaction.savepoint():
            undone = transaction.later.count(ADD, after)
    assert undone.result() == 1
    assert [count(database, thing) for thing in (before, inside, after)] == [1, 0, 1]


def test_a_result_of_what_was_not_done_is_none(database: Database) -> None:
    """Rather than an empty one."""
    with database.transaction() as transaction:
        with pytest.raises(DatabaseError), transaction.savepoint():
            failed = transaction.later.run(REFUSE, {})
            skipped = transaction.later.run(COUNT, new())
        for each in (failed, skipped):
            with pytest.raises(RuntimeError, match="skipped"):
                each.result()


def test_a_rollback_forgets_what_waits(open_database: Callable[..., Database]) -> None:
    """Nothing of it reaches the next transaction of the connection."""
    database, thing = open_database(1), new()
    for sent in (True, False):
        with pytest.raises(InterruptedError), database.transaction() as transaction:
            if sent:
                transaction.run(COUNT, thing)
            transaction.later.count(ADD, thing)
            raise InterruptedError
        assert count(database, thing) == 0


def test_a_dead_idle_connection_costs_nothing_that_waits(open_database: Callable[..., Database]) -> None:
    """The statements that were to begin the transaction are sent on another connection, once."""
    database, other, thing = open_database(1), open_database(1), new()
    with database.transaction() as transaction:
        (row,) = transaction.run("select pg_backend_pid() as pid", {})
    with other.transaction() as transaction:
        transaction.run("select pg_terminate_backend(:pid::integer, 5000) as ended", row)
    with database.transaction() as transaction:
        transaction.later.count(ADD, thing)
        assert transaction.run(COUNT, thing) == [{"n": 1}]
    assert count(database, thing) == 1


@pytest.mark.parametrize(("fate", "done"), [("is lost", 0), ("has its answer lost", 1)])
def test_what_goes_with_a_lost_commit_is_unknown(
    fate: Any, done: int, open_database: Callable[..., Database], database: Database, own: Any
) -> None:
    """As the commit itself is."""
    thing = new()
    with CommitProxy(own.database_port) as wire:
        through = open_database(1, wire.port)
        with pytest.raises(OutcomeUnknown), through.transaction() as transaction:
            transaction.run(COUNT, thing)
            transaction.later.count(ADD, thing)
            wire.commit = fate
    assert count(database, thing) == done


def test_a_migration_under_what_waits_is_contention(open_database: Callable[..., Database]) -> None:
    """As under a statement that is waited for; the next attempt prepares it anew."""
    database = open_database(1)
    sql = "select * from changing_too"
    with database.transaction() as transaction:
        transaction.run("create temporary table changing_too as select 1 as first", {})
        transaction.run(sql, {})
    with database.transaction() as transaction:
        transaction.run("alter table changing_too add column second integer", {})
    with pytest.raises(Contended), database.transaction() as transaction:
        transaction.later.run(sql, {})
        transaction.run(COUNT, new())
    with database.transaction() as transaction:
        assert len(transaction.later.run(sql, {}).result()[0]) == 2


def test_named_queries_take_either(database: Database) -> None:
    """The transaction, or what makes of it that nobody waits; one row or value of it is for those that wait only."""
    thing = new()

    def answers(transaction: Transaction) -> None:
        prepared: Any = _Prepared()
        assert prepared.insert_update_delete(transaction.later, "add", ADD, thing).result() == 1
        assert prepared.select(transaction.later, "count", COUNT, thing).result() == [{"n": 1}]
        with pytest.raises(TypeError):
            prepared.select_value(transaction.later, "count", COUNT, thing)

    with database.transaction() as transaction:
        answers(transaction)


def test_what_cannot_be_sent_fails_at_once_and_leaves_what_waits(database: Database) -> None:
    """A mistake in a statement or its parameters is its sender's own; what waits already is done all the same."""
    first, second = new(), new()
    with database.transaction() as transaction:
        transaction.later.count(ADD, first)
        with pytest.raises(InterfaceError, match="placeholder"):
            transaction.later.count(ADD, {})
        with pytest.raises(DatabaseError):
            transaction.later.count("selec 1", {})  # before anything has begun
        transaction.later.count(ADD, second)
    assert [count(database, thing) for thing in (first, second)] == [1, 1]


def test_a_single_statement_leaves_nothing_behind(open_database: Callable[..., Database]) -> None:
    """However it fails, the next user of its connection sends only what is its own."""
    database, thing = open_database(1), new()
    for sql in ("selec 1", ADD, REFUSE):
        with pytest.raises((DatabaseError, InterfaceError)), database.statement() as statement:
            statement.run(sql, {})
        assert count(database, thing) == 0
    with database.statement() as statement:
        statement.later.count(ADD, thing)
    assert count(database, thing) == 0
