"""The PostgreSQL adapter on a real server: the guarantees of a transaction, whatever happens to its connection."""

import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pg8000.exceptions import DatabaseError, InterfaceError

from shared.config import Settings
from shared.errors import Contended, OutcomeUnknown, Unavailable
from shared.money import MAXIMUM
from shared.postgres.connect import connector
from shared.postgres.database import Database, Transaction
from shared.postgres.errors import Refused, UniqueViolation
from shared.postgres.notify import Listener
from shared.resilience.breaker import CALLS_AT_LEAST
from shared.resilience.deadline import within
from shared.resilience.not_permitted import CircuitOpen, Overloaded
from tests.shared.commit_proxy import CommitProxy

Open = Callable[..., Database]

ADD = "insert into things (id, name, amount) values (:id, :name, :amount)"


def value(transaction: Transaction, sql: str, **parameters: Any) -> Any:
    """The one value of a statement."""
    (row,) = transaction.run(sql, parameters)
    (found,) = row.values()
    return found


def pid(transaction: Transaction) -> int:
    """The server's process behind a connection."""
    return int(value(transaction, "select pg_backend_pid() as pid"))


def ask(database: Database, sql: str, **parameters: Any) -> Any:
    """The one value of a statement, in a transaction of its own."""
    with database.transaction() as transaction:
        return value(transaction, sql, **parameters)


def pid_of(database: Database) -> int:
    """The server's process behind the connection that the pool gives next."""
    with database.transaction() as transaction:
        return pid(transaction)


def add(transaction: Transaction, **thing: Any) -> str:
    """A new thing; returns its id."""
    new = {"id": secrets.token_hex(8), "name": None, "amount": None, **thing}
    assert transaction.count(ADD, new) == 1
    return str(new["id"])


def exists(database: Database, thing: str) -> bool:
    """Whether a thing was committed."""
    return bool(ask(database, "select exists (select from things where id = :id) as found", id=thing))


def terminate(database: Database, backend: int) -> None:
    """End a connection on the server's side, and wait until it is gone."""
    assert ask(database, "select pg_terminate_backend(:pid::integer, 5000) as ended", pid=backend)


@pytest.fixture
def wire(own: Settings) -> Iterator[CommitProxy]:
    """A wire to the server that can be cut."""
    with CommitProxy(own.database_port) as between:
        yield between


# Statements


def test_a_statement_is_prepared_once_a_connection(open_database: Open) -> None:
    """Across transactions, a statement is parsed and planned once, then only executed."""
    database = open_database(1)
    sql = f"select :number::integer + {secrets.randbelow(2**31)} as sum"
    for number in range(5):
        ask(database, sql, number=number)
    prepared = "select count(*) as n, sum(generic_plans + custom_plans) as calls from pg_prepared_statements"
    with database.transaction() as transaction:
        found = transaction.run(f"{prepared} where statement like :part", {"part": f"%{sql.split('+')[1]}%"})
    assert found == [{"n": 1, "calls": 5}]


def test_a_prepared_statement_outlives_a_failed_transaction(open_database: Open) -> None:
    """A rollback, also of the transaction that prepared it, does not lose a statement that later calls rely on."""
    database = open_database(1)
    sql = "select :number::integer * 3 as product"
    with pytest.raises(RuntimeError), database.transaction() as transaction:
        assert value(transaction, sql, number=1) == 3
        raise RuntimeError
    assert ask(database, sql, number=2) == 6


def test_a_parameter_is_data(database: Database) -> None:
    """No text in a parameter is taken for SQL."""
    text = "'; drop table things; -- :id $1 %s"
    assert ask(database, "select :text as text", text=text) == text
    assert ask(database, "select count(*) as n from things where name = :text", text=text) == 0


@given(st.lists(st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\x00")), max_size=5))
@example(["", "NULL", "null", '"', "\\", "{", "}", ",", "a,b", "{a}", '\\"', " ", "\n", "'", None])
@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_list_of_texts_arrives_as_it_was_sent(database: Database, texts: list[str | None]) -> None:
    """Quotes, braces, commas, the word NULL and SQL NULL are distinguished."""
    assert ask(database, "select :texts::text[] as texts", texts=texts) == texts


@given(st.integers(-MAXIMUM, MAXIMUM))
@example(MAXIMUM)
@example(-MAXIMUM)
@example(10**77)
@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_an_amount_comes_back_as_the_same_int(database: Database, amount: int) -> None:
    """NUMERIC of any size is an int, never a float or a Decimal."""
    with database.transaction() as transaction:
        (row,) = transaction.run(
            "select :amount::numeric(78, 0) as one, sum(n) as sum from unnest(:amounts::numeric[]) as n",
            {"amount": amount, "amounts": [amount, amount]},
        )
    assert row == {"one": amount, "sum": 2 * amount}
    assert all(type(number) is int for number in row.values())


def test_no_amount_is_none(database: Database) -> None:
    """NULL is not 0."""
    assert ask(database, "select null::numeric as amount") is None


def test_a_batch_may_be_large(database: Database) -> None:
    """20,000 rows go out as one statement, and come back as one."""
    ids = [f"{secrets.token_hex(4)}-{number}" for number in range(20_000)]
    amounts = [MAXIMUM - number for number in range(20_000)]
    with pytest.raises(InterruptedError), database.transaction() as transaction:
        sql = "insert into things (id, amount) select * from unnest(:ids::text[], :amounts::numeric[])"
        assert transaction.count(sql, {"ids": ids, "amounts": amounts}) == 20_000
        found = transaction.run("select id, amount from things where id = any(:ids::text[])", {"ids": ids})
        assert {row["id"]: row["amount"] for row in found} == dict(zip(ids, amounts, strict=True))
        raise InterruptedError  # nothing of it has to stay
    assert not exists(database, ids[0])


def test_a_large_value_arrives(database: Database) -> None:
    """A text of some megabytes is sent and read whole."""
    text = "ü" * 3_000_000
    assert ask(database, "select :text as text", text=text) == text


# Transactions


def test_a_large_statement_is_not_held_back(settings: Settings) -> None:
    """Its last part goes out without an acknowledgement of the first, which the server delays (Nagle's algorithm)."""
    connection = connector(settings, "order")()
    try:
        assert connection._usock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    finally:
        connection.close()


def test_a_transaction_is_kept_or_undone(database: Database) -> None:
    """What it did is there after its end; an error of whatever kind undoes all of it."""
    with database.transaction() as transaction:
        committed = add(transaction)
        assert not exists(database, committed)  # to others, before the end
    assert exists(database, committed)
    for error in (ValueError, Contended, KeyboardInterrupt, SystemExit):
        with pytest.raises(error), database.transaction() as transaction:
            undone = add(transaction)
            raise error
        assert not exists(database, undone)


def test_a_savepoint_is_undone_by_itself(database: Database) -> None:
    """What failed inside is gone, what came before and after stays, and whether events were appended is remembered."""
    with database.transaction() as transaction:
        before = add(transaction)
        with pytest.raises(UniqueViolation), transaction.savepoint():
            inside = add(transaction)
            transaction.appended = True
            add(transaction, id=before)
        assert not transaction.appended
        with transaction.savepoint():
            committed = add(transaction)
            with pytest.raises(ValueError, match="inner"), transaction.savepoint():
                inner = add(transaction)
                raise ValueError("inner")
        after = add(transaction)
    assert [exists(database, thing) for thing in (before, inside, committed, inner, after)] == [
        True, False, True, False, True,
    ]  # fmt: skip


def test_an_error_that_was_swallowed_is_not_committed(open_database: Open) -> None:
    """PostgreSQL turns the COMMIT of a failed transaction into a rollback; that is never reported as a success."""
    database = open_database(1)
    with database.transaction() as transaction:
        taken = add(transaction)
    lost = None
    with pytest.raises(InterfaceError, match="in failed transaction"), database.transaction() as transaction:
        lost = add(transaction)
        with pytest.raises(UniqueViolation):
            add(transaction, id=taken)
    assert not exists(database, str(lost))


def test_an_error_leaves_the_connection_usable(open_database: Open) -> None:
    """A mistake in a statement costs its transaction, not the connection; and it is not mistaken for an outage."""
    database = open_database(1)
    first = pid_of(database)
    for sql in ("select * from nothing", "selec 1", "select 1 / 0 as x"):
        with pytest.raises(DatabaseError):
            ask(database, sql)
        assert pid_of(database) == first


def test_a_constraint_says_its_name(database: Database) -> None:
    """A duplicate names the violated constraint, so that callers can distinguish them."""
    name = secrets.token_hex(8)
    with database.transaction() as transaction:
        thing = add(transaction, name=name)
    with pytest.raises(UniqueViolation, match="things_pkey") as refused, database.transaction() as transaction:
        add(transaction, id=thing)
    assert refused.value.constraint == "things_pkey"
    with pytest.raises(UniqueViolation, match="things_name_once"), database.transaction() as transaction:
        add(transaction, name=name)


def test_a_function_refuses_with_a_code(database: Database) -> None:
    """What our own functions in the database raise as a refusal comes back as its code, and nothing is done."""
    refusing = "do $$ begin raise exception 'NOT_TODAY' using errcode = 'ME001'; end $$"
    with pytest.raises(Refused, match="NOT_TODAY") as refused, database.transaction() as transaction:
        transaction.count(refusing, {})
    assert refused.value.code == "NOT_TODAY"


def test_a_check_is_a_defect(database: Database) -> None:
    """A CHECK that refuses is no outage and no race: it stays what it is, and nothing is done."""
    with pytest.raises(DatabaseError, match="things_amount_positive"), database.transaction() as transaction:
        undone = add(transaction)
        add(transaction, amount=-1)
    assert not exists(database, undone)


# Races


@pytest.fixture
def two_things(database: Database) -> tuple[str, str]:
    """Two committed things."""
    with database.transaction() as transaction:
        return add(transaction, amount=0), add(transaction, amount=0)


TOUCH = "update things set amount = amount + 1 where id = :id"


def test_a_deadlock_is_contention(database: Database, two_things: tuple[str, str]) -> None:
    """Of two transactions that wait for one another one gets Contended, with nothing done, and the other is done."""
    meet = threading.Barrier(2, timeout=10)

    def touch(first: str, second: str) -> bool:
        try:
            with database.transaction() as transaction:
                transaction.count(TOUCH, {"id": first})
                meet.wait()
                transaction.count(TOUCH, {"id": second})
        except Contended:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(touch, two_things, two_things[::-1]))
    assert sorted(done) == [False, True]
    for thing in two_things:
        assert ask(database, "select amount from things where id = :id", id=thing) == 1


def test_a_changed_snapshot_is_contention(database: Database, two_things: tuple[str, str]) -> None:
    """Under repeatable read, whoever changes what another changed meanwhile gets Contended."""
    thing, _ = two_things
    with pytest.raises(Contended), database.transaction() as slow:
        slow.snapshot()
        assert value(slow, "select amount from things where id = :id", id=thing) == 0
        with database.transaction() as fast:
            fast.count(TOUCH, {"id": thing})
        assert value(slow, "select amount from things where id = :id", id=thing) == 0
        slow.count(TOUCH, {"id": thing})
    assert ask(database, "select amount from things where id = :id", id=thing) == 1


def test_a_lock_that_is_not_waited_for_is_contention(database: Database, two_things: tuple[str, str]) -> None:
    """NOWAIT on a row that another holds is Contended."""
    lock = "select id from things where id = :id for update nowait"
    with database.transaction() as holder:
        holder.run(lock, {"id": two_things[0]})
        with pytest.raises(Contended), database.transaction() as transaction:
            transaction.run(lock, {"id": two_things[0]})


def test_a_migration_under_a_prepared_statement_is_contention(open_database: Open) -> None:
    """A table that has changed since its statements were prepared costs whoever uses them one more attempt, not all."""
    database = open_database(1)
    statements = ["select * from changing", "select *, 1 as one from changing"]

    def read() -> list[int]:
        with database.transaction() as transaction:
            return [len(transaction.run(sql, {})[0]) for sql in statements]

    with database.transaction() as transaction:
        transaction.run("create temporary table changing as select 1 as first", {})
    assert read() == [1, 2]
    with database.transaction() as transaction:
        transaction.run("alter table changing add column second integer", {})
    with pytest.raises(Contended):
        read()
    assert read() == [2, 3]


def test_threads_share_the_pool(open_database: Open, two_things: tuple[str, str]) -> None:
    """Sixteen threads on two connections lose no update and take no third connection."""
    database = open_database(2)

    def touch(_: int) -> int:
        with database.transaction() as transaction:
            transaction.count(TOUCH, {"id": two_things[0]})
            return pid(transaction)

    with ThreadPoolExecutor(16) as pool:
        backends = set(pool.map(touch, range(160)))
    assert len(backends) <= 2
    assert ask(database, "select amount from things where id = :id", id=two_things[0]) == 160


# Connections


def test_the_pool_has_a_bound(open_database: Open) -> None:
    """Without a free connection a caller waits for a while, then gets Unavailable; returned connections are reused."""
    database = open_database(2)
    with database.transaction(), database.transaction():
        began = time.monotonic()
        with within(0.1), pytest.raises(Overloaded, match="Too many requests"), database.transaction():
            pytest.fail("a third connection")
        assert time.monotonic() - began >= 0.1
    assert ask(database, "select 1 as one") == 1


def test_who_waits_gets_the_next_connection(open_database: Open) -> None:
    """A waiting request goes on as soon as another ends."""
    database = open_database(1)
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as transaction:
            waiting = pool.submit(pid_of, database)
            first = pid(transaction)
            assert not waiting.done()
        assert waiting.result(timeout=5) == first


def test_a_dead_idle_connection_is_replaced(open_database: Open) -> None:
    """Connections that died while nobody used them cost no request: the next one gets a new one."""
    database, other = open_database(3), open_database(1)
    with database.transaction() as a, database.transaction() as b, database.transaction() as c:
        dead = {pid(a), pid(b), pid(c)}
    for backend in dead:
        terminate(other, backend)
    with database.transaction() as transaction:
        assert pid(transaction) not in dead
        committed = add(transaction)
    assert exists(database, committed)


def test_a_single_statement_commits_by_itself(open_database: Open) -> None:
    """What it did is there for others at once; its refusal leaves nothing, and the pool has its connection again."""
    database, other = open_database(1), open_database(1)
    with database.statement() as statement:
        committed = add(statement)
        assert exists(other, committed)
    with pytest.raises(UniqueViolation), database.statement() as statement:
        add(statement, id=committed)
    assert exists(database, committed)


def test_a_single_statement_on_a_dead_connection(open_database: Open) -> None:
    """It is Unavailable, as it cannot be known whether it took effect; the next one has another connection."""
    database, other = open_database(1), open_database(1)
    with database.transaction() as transaction:
        dead = pid(transaction)
    terminate(other, dead)
    with pytest.raises(Unavailable), database.statement() as statement:
        add(statement)
    with database.statement() as statement:
        assert pid(statement) != dead


def test_a_connection_that_dies_in_a_statement(open_database: Open) -> None:
    """The transaction is Unavailable, nothing of it is done, and the pool recovers."""
    database, other = open_database(1), open_database(1)
    with pytest.raises(Unavailable) as failed, database.transaction() as transaction:
        undone = add(transaction)
        terminate(other, pid(transaction))
        add(transaction)
    assert not isinstance(failed.value, OutcomeUnknown)
    assert not exists(database, undone)


def test_a_connection_that_dies_before_commit(open_database: Open) -> None:
    """A commit on it cannot know that the server had gone before: the outcome is unknown, and nothing was done."""
    database, other = open_database(1), open_database(1)
    with pytest.raises(OutcomeUnknown), database.transaction() as transaction:
        undone = add(transaction)
        terminate(other, pid(transaction))
    assert not exists(database, undone)


@pytest.mark.parametrize(("fate", "done"), [("is lost", False), ("has its answer lost", True)])
def test_a_connection_that_dies_at_commit(
    fate: Any, done: bool, open_database: Open, database: Database, wire: CommitProxy
) -> None:
    """A commit lost on the way and one whose response was lost look the same: unknown. Only the data can tell."""
    through = open_database(1, wire.port)
    with database.transaction() as transaction:
        before = add(transaction)
    with pytest.raises(OutcomeUnknown), through.transaction() as transaction:
        thing = add(transaction)
        wire.commit = fate
    wire.commit = "arrives"
    assert exists(database, before)
    assert exists(database, thing) == done
    assert exists(through, thing) == done  # the pool has recovered


def test_an_answer_that_comes_too_late_is_nobody_elses(open_database: Open, wire: CommitProxy) -> None:
    """A connection whose answer was given up is not used again: its next user would read the answers of its last."""
    database = open_database(1, wire.port)
    first = pid_of(database)
    with within(1), pytest.raises(Unavailable), database.transaction() as transaction:
        wire.answers.clear()
        threading.Timer(1.5, wire.answers.set).start()  # while the rollback is waited for
        value(transaction, "select 'late' as text")
    assert wire.answers.wait(5)
    assert pid_of(database) != first
    for number in range(5):
        assert ask(database, "select :number::integer as number", number=number) == number


def test_an_answer_that_cannot_be_read_is_nobody_elses(open_database: Open) -> None:
    """When reading a row fails, the rest of the answer is still on the wire: that connection is not used again."""
    database = open_database(1)
    first = pid_of(database)
    with pytest.raises(ValueError, match=r"1\.5"):
        ask(database, "select n from (values (1.5::numeric), (2)) as v (n)")
    assert pid_of(database) != first
    for number in range(5):
        assert ask(database, "select :number::integer as number", number=number) == number


def test_no_answer_at_commit_is_unknown(open_database: Open, wire: CommitProxy) -> None:
    """A server that stops answering may have committed all the same."""
    database = open_database(1, wire.port)
    with within(1), pytest.raises(OutcomeUnknown), database.transaction() as transaction:
        thing = add(transaction)
        wire.answers.clear()
    wire.answers.set()
    assert exists(database, thing)


def test_a_statement_has_a_time_limit(open_database: Open) -> None:
    """What the server cancels is Unavailable, with nothing done; the connection goes on."""
    database = open_database(1)
    first = pid_of(database)
    with pytest.raises(Unavailable), database.transaction() as transaction:
        undone = add(transaction)
        transaction.run("set local statement_timeout = '50ms'", {})
        transaction.run("select pg_sleep(5) as slept", {})
    assert not exists(database, undone)
    assert pid_of(database) == first


def test_sessions_are_bounded(database: Database) -> None:
    """No statement and no forgotten transaction holds locks for longer than some seconds."""
    with database.transaction() as transaction:
        assert value(transaction, "show statement_timeout") == "10s"
        assert value(transaction, "show idle_in_transaction_session_timeout") == "30s"


def test_no_server_is_unavailable(open_database: Open, wire: CommitProxy) -> None:
    """However often it is tried: no try uses up a place in the pool, and the server's return is noticed."""
    closed = CommitProxy(wire.port)  # its port is taken, but it carries nothing once it has ended
    with closed:
        pass
    database = open_database(2, closed.port)
    for _ in range(4):
        with pytest.raises(Unavailable), database.transaction():
            pytest.fail("a connection to nobody")
    with pytest.raises(Unavailable):
        database.dedicated()


def test_a_dedicated_connection_is_outside_the_pool(open_database: Open) -> None:
    """What lives as long as its session takes no place of a request's, and its locks end with it."""
    database = open_database(1)
    connection = database.dedicated()
    locked = connection.execute_simple("select pg_try_advisory_lock(42)").rows
    assert locked == [[True]]
    assert ask(database, "select pg_try_advisory_lock(42) as locked") is False
    connection.close()
    deadline = time.monotonic() + 5
    while not ask(database, "select pg_try_advisory_xact_lock(42) as locked"):
        assert time.monotonic() < deadline, "the lock outlived its session"


def test_only_a_commit_with_events_wakes_the_relay(open_database: Open, database: Database) -> None:
    """A rollback, or a commit without events, notifies nobody."""
    listener = Listener(database.dedicated())
    with database.transaction():
        pass
    with pytest.raises(RuntimeError), database.transaction() as transaction:
        transaction.appended = True
        raise RuntimeError
    assert not listener.wait(0.3)
    with database.transaction() as transaction:
        transaction.appended = True
    assert listener.wait(5)


def test_lost_connections_do_not_open_the_breaker(own: Settings, open_database: Open) -> None:
    """Somebody may have cut this one alone; a server that is not there, or is silent, is left alone after 20 calls."""
    database = open_database(1)
    for _ in range(CALLS_AT_LEAST + 1):
        with pytest.raises(Unavailable), database.transaction() as transaction:
            transaction.run("select pg_terminate_backend(pg_backend_pid()) as ended", {})
    assert ask(database, "select 1 as one") == 1
    nowhere = open_database(1, 1)
    for _ in range(CALLS_AT_LEAST):
        with pytest.raises(Unavailable, match="not available"), nowhere.transaction():
            pytest.fail("a connection to nowhere")
    with pytest.raises(CircuitOpen), nowhere.transaction():
        pytest.fail("a connection while it is open")


def test_refusals_do_not_open_the_breaker(database: Database) -> None:
    """A constraint that refuses is the database at work."""
    with database.transaction() as transaction:
        thing = add(transaction)
    for _ in range(CALLS_AT_LEAST + 1):
        with pytest.raises(UniqueViolation), database.transaction() as transaction:
            transaction.run(ADD, {"id": thing, "name": None, "amount": 0})
    assert exists(database, thing)


def test_a_database_that_takes_no_writes_is_unavailable_for_them_alone(database: Database) -> None:
    """As a standby does, or a server that is being restored. It is read on: the breaker stays closed."""
    for _ in range(CALLS_AT_LEAST + 1):
        with pytest.raises(Unavailable, match="no writes"), database.transaction() as transaction:
            transaction.run("set transaction read only", {})
            add(transaction)
    assert ask(database, "select 1 as one") == 1
