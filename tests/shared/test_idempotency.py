"""A repeated request gets the same response, and takes effect once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from shared import idempotency, ids
from shared.errors import KeyInUse, KeyReused
from shared.idempotency import KEPT, LEASE, Answer, Key, SagaLease, fingerprint
from shared.postgres.database import Database, Transaction
from shared.telemetry.context import bind
from tests.clocks import FakeClock

SECOND = timedelta(seconds=1)


@pytest.fixture
def key() -> Key:
    """A key of a caller whom no other test has."""
    return Key(caller=ids.new("usr", "us"), operation="create_order", value="k" * 16, fingerprint="f1")


@pytest.fixture
def reference() -> str:
    """The id of what a saga begins."""
    return ids.new("ord", "us")


def find(database: Database, key: Key, now: datetime) -> Answer | SagaLease | None:
    """What is known under a key."""
    with database.transaction() as transaction:
        return key.find(transaction, now)


def keep(database: Database, key: Key, answer: Answer, now: datetime) -> None:
    """Store an answer."""
    with database.transaction() as transaction:
        key.keep(transaction, answer, now)


def lease(database: Database, key: Key, reference: str, now: datetime) -> None:
    """Begin a saga."""
    with database.transaction() as transaction:
        key.lease(transaction, reference, now)


OTHERS: list[Callable[[Key], Key]] = [
    lambda key: replace(key, caller=ids.new("usr", "us")),
    lambda key: replace(key, operation="create_supply"),
    lambda key: replace(key, value="K" * 16),
    lambda key: replace(key, caller="", value=f"{key.caller}/{key.value}"),
]


# Ordinary operations


def test_an_answer_is_repeated(database: Database, clock: FakeClock, key: Key) -> None:
    """Status and body, byte for byte; before, nothing is known."""
    answer = Answer(201, '{"id":"ö \\u0000 "}')
    assert find(database, key, clock.now()) is None
    keep(database, key, answer, clock.now())
    assert find(database, key, clock.now()) == answer


def test_an_answer_lives_with_its_effect(database: Database, clock: FakeClock, key: Key) -> None:
    """It is seen by others when the transaction commits, and not at all when that is undone."""
    with pytest.raises(ValueError, match="no"), database.transaction() as transaction:
        key.keep(transaction, Answer(201, "{}"), clock.now())
        assert find(database, key, clock.now()) is None
        raise ValueError("no")
    assert find(database, key, clock.now()) is None


@pytest.mark.parametrize("other", OTHERS)
def test_a_key_is_its_callers_and_operations_own(
    other: Callable[[Key], Key], database: Database, clock: FakeClock, key: Key
) -> None:
    """The same text of another caller or for another operation is another key; case counts."""
    keep(database, key, Answer(201, "{}"), clock.now())
    assert find(database, other(key), clock.now()) is None
    with database.transaction() as holder, database.transaction() as transaction:
        key.claim(holder)
        other(key).claim(transaction)


def test_another_request_is_refused(database: Database, clock: FakeClock, key: Key, reference: str) -> None:
    """A key is bound to its request, when that is answered and while a saga is at it."""
    began = replace(key, value="b" * 16)
    keep(database, key, Answer(201, "{}"), clock.now())
    lease(database, began, reference, clock.now())
    for taken in (key, began):
        with pytest.raises(KeyReused):
            find(database, replace(taken, fingerprint="f2"), clock.now())


def test_an_answer_is_kept_for_a_day(database: Database, clock: FakeClock, key: Key) -> None:
    """After that the key is free, for any request."""
    keep(database, key, Answer(201, '"first"'), clock.now())
    clock.pass_by(seconds=KEPT.total_seconds() - 1)
    assert find(database, key, clock.now()) == Answer(201, '"first"')
    clock.pass_by(seconds=1)
    other = replace(key, fingerprint="f2")
    assert find(database, other, clock.now()) is None
    keep(database, other, Answer(200, '"second"'), clock.now())
    assert find(database, other, clock.now()) == Answer(200, '"second"')


def test_one_request_is_at_work(database: Database, key: Key) -> None:
    """A second one with the same key fails immediately; once the first has ended without effect, it may proceed."""
    with pytest.raises(ZeroDivisionError), database.transaction() as first:
        key.claim(first)
        key.claim(first)  # its own is no hindrance
        with pytest.raises(KeyInUse), database.transaction() as second:
            key.claim(second)
        raise ZeroDivisionError
    with database.transaction() as third:
        key.claim(third)


def test_many_at_once_take_effect_once(open_database: Callable[..., Database], clock: FakeClock, key: Key) -> None:
    """Of twenty concurrent requests one takes effect; each other is in progress, or gets its response."""
    database = open_database(8)
    effects: list[int] = []

    def request(number: int) -> str:
        try:
            with database.transaction() as transaction:
                key.claim(transaction)
                known = key.find(transaction, clock.now())
                if isinstance(known, Answer):
                    return known.body
                effects.append(number)
                key.keep(transaction, Answer(201, str(number)), clock.now())
                return str(number)
        except KeyInUse:
            return "wait"

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(request, range(20)))
    assert len(effects) == 1
    assert answers <= {"wait", str(effects[0])}


# Sagas


def test_a_saga_takes_its_key(database: Database, clock: FakeClock, key: Key, reference: str) -> None:
    """It is known by the id of what it began; nobody else gets the key."""
    lease(database, key, reference, clock.now())
    assert find(database, key, clock.now()) == SagaLease(reference, clock.now() + LEASE)
    with pytest.raises(KeyInUse):
        lease(database, key, ids.new("ord", "us"), clock.now())


def test_one_of_many_begins(open_database: Callable[..., Database], clock: FakeClock, key: Key) -> None:
    """Eight requests at once with one key begin one saga."""
    database = open_database(8)
    at_once = threading.Barrier(8, timeout=10)

    def begin(reference: str) -> bool:
        try:
            with database.transaction() as transaction:
                at_once.wait()
                key.lease(transaction, reference, clock.now())
        except KeyInUse:
            return False
        return True

    references = [ids.new("ord", "us") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(begin, references))
    assert sum(won) == 1
    assert find(database, key, clock.now()) == SagaLease(references[won.index(True)], clock.now() + LEASE)


def resume(transaction: Transaction, key: Key, now: datetime) -> str:
    """Take over what was begun under a key."""
    began = key.find(transaction, now)
    assert isinstance(began, SagaLease)
    return began.resume(transaction, now)


def test_a_silent_holder_is_replaced(database: Database, clock: FakeClock, key: Key, reference: str) -> None:
    """While the lease lasts the saga is in progress; after it another takes over, with a lease of its own."""
    lease(database, key, reference, clock.now())
    clock.pass_by(seconds=LEASE.total_seconds() - 1)
    with pytest.raises(KeyInUse), database.transaction() as transaction:
        resume(transaction, key, clock.now())
    clock.pass_by(seconds=1)
    with database.transaction() as transaction:
        assert resume(transaction, key, clock.now()) == reference
    with pytest.raises(KeyInUse), database.transaction() as transaction:
        resume(transaction, key, clock.now() + LEASE - SECOND)


def test_one_of_many_takes_over(
    open_database: Callable[..., Database], clock: FakeClock, key: Key, reference: str
) -> None:
    """Eight requests that find a silent holder at once: one resumes."""
    database = open_database(8)
    lease(database, key, reference, clock.now())
    clock.pass_by(seconds=LEASE.total_seconds())
    at_once = threading.Barrier(8, timeout=10)

    def take_over(_: int) -> bool:
        try:
            with database.transaction() as transaction:
                at_once.wait()
                resume(transaction, key, clock.now())
        except KeyInUse:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take_over, range(8))) == 1


def test_a_lease_can_be_given_up(database: Database, clock: FakeClock, key: Key, reference: str) -> None:
    """A released lease lets a request with the same key resume at once."""
    lease(database, key, reference, clock.now())
    with database.transaction() as transaction:
        idempotency.end_lease(transaction, reference, clock.now())
    with database.transaction() as transaction:
        assert resume(transaction, key, clock.now()) == reference


def test_a_saga_is_answered_once(database: Database, clock: FakeClock, key: Key, reference: str) -> None:
    """The first outcome is the answer for all; afterwards there is nothing to resume, to end or to answer."""
    lease(database, key, reference, clock.now())
    for body in ('"first"', '"second"'):
        with database.transaction() as transaction:
            idempotency.answer_leases(transaction, {reference: Answer(201, body)})
            idempotency.end_lease(transaction, reference, clock.now())
    assert find(database, key, clock.now()) == Answer(201, '"first"')
    clock.pass_by(seconds=LEASE.total_seconds() + 1)
    with pytest.raises(KeyInUse), database.transaction() as transaction:
        SagaLease(reference, clock.now()).resume(transaction, clock.now())


def test_the_request_that_is_answered_is_known(database: Database, clock: FakeClock, key: Key, reference: str) -> None:
    """A saga can be completed with the id of the waiting request; other callers get none."""
    bind("request-1")
    lease(database, key, reference, clock.now())
    with database.transaction() as transaction:
        asked = [reference, ids.new("ord", "us")]
        assert idempotency.lease_request_ids(transaction, asked) == {reference: "request-1"}
    bind("request-2")
    with database.transaction() as transaction:
        resume(transaction, key, clock.now() + LEASE)
        assert idempotency.lease_request_ids(transaction, [reference]) == {reference: "request-2"}


def test_an_old_saga_does_not_block_its_key(database: Database, clock: FakeClock, key: Key, reference: str) -> None:
    """After a day the key begins something new, whatever became of the old."""
    lease(database, key, reference, clock.now())
    clock.pass_by(seconds=KEPT.total_seconds())
    assert find(database, key, clock.now()) is None
    other = ids.new("ord", "us")
    lease(database, replace(key, fingerprint="f2"), other, clock.now())
    assert find(database, replace(key, fingerprint="f2"), clock.now()) == SagaLease(other, clock.now() + LEASE)


# Fingerprints

ONE = ("POST", "/v1/orders", [("a", "1"), ("b", "2")], {"x": [1, "2"], "y": None})


def test_a_fingerprint_is_the_requests() -> None:
    """Neither the order of members or parameters nor the way text is escaped makes another request."""
    same = [("b", "2"), ("a", "1")], {"y": None, "x": [1, "\x32"]}
    assert fingerprint(*ONE) == fingerprint("POST", "/v1/orders", *same)


@pytest.mark.parametrize(
    "other",
    [
        ("PUT", *ONE[1:]),
        ("POST", "/v1/order", *ONE[2:]),
        ("POST", "/v1/orders", [("a", "1")], ONE[3]),
        ("POST", "/v1/orders", [("a", "2"), ("b", "1")], ONE[3]),
        ("POST", "/v1/orders", [("a", "1"), ("b", "2"), ("b", "2")], ONE[3]),
        (*ONE[:3], {"x": ["2", 1], "y": None}),
        (*ONE[:3], {"x": [1, 2], "y": None}),
        (*ONE[:3], {"x": [1, "2"]}),
        (*ONE[:3], {"x": [True, "2"], "y": None}),
        (*ONE[:3], {}),
        (*ONE[:3], None),
    ],
)
def test_another_request_has_another_fingerprint(other: tuple[Any, ...]) -> None:
    """Method, path, query and body all count, to the last value."""
    assert fingerprint(*other) != fingerprint(*ONE)


def test_no_body_is_not_an_empty_one() -> None:
    """No body and {} differ, as do a path and a query with the same text."""
    assert fingerprint("POST", "/a", [], None) != fingerprint("POST", "/a", [], {})
    assert fingerprint("POST", '/a",[["b","c"]]', [], None) != fingerprint("POST", "/a", [("b", "c")], None)


bodies = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(bodies, bodies)
def test_fingerprints_are_equal_where_bodies_are(first: Any, second: Any) -> None:
    """Two bodies have one fingerprint if and only if they are the same JSON."""
    same = rfc8785.dumps(first) == rfc8785.dumps(second) and (first is None) == (second is None)
    assert (fingerprint("POST", "/", [], first) == fingerprint("POST", "/", [], second)) == same
