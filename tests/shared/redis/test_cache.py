"""The cache on real Valkey, one server and a cluster, beside a real database."""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from msgspec.structs import replace

from emulators.waiting import until
from shared import ids
from shared.config import Settings
from shared.errors import OutcomeUnknown, Unavailable
from shared.postgres.connect import connector
from shared.postgres.database import Database
from shared.redis.cache import JITTER, Cache, FillTimeouts
from shared.registry import Cached
from shared.resilience.breakers import Breakers
from shared.resources import Resources
from tests.races import all_at_once
from tests.shared.conftest import SERVICE
from tests.valkey import Valkey, valkey

KINDS = {"thing": Cached(seconds=600, absent_seconds=60)}
LONG = FillTimeouts(lease=60, wait=60)
"""For tests in which a busy machine must not look like a dead reader."""


@pytest.fixture(params=["server", "cluster"])
def parts(request: pytest.FixtureRequest) -> Resources:
    """Real parts in both modes of Redis."""
    found: Resources = request.getfixturevalue("resources" if request.param == "server" else "clustered")
    return found


@pytest.fixture
def name() -> str:
    """The id of a thing that nobody knows."""
    return ids.new("ord", "us")


def cache_of(parts: Resources, kinds: dict[str, Cached] | None = None, patience: FillTimeouts = LONG) -> Cache:
    """The cache as another process of the same region has it."""
    return Cache(Resources(parts.settings).pipeline(), kinds or KINDS, patience)


def never() -> bytes | None:
    """A look at a database that must not be."""
    raise AssertionError("the database was asked")


def key_of(name: str) -> str:
    """Where a thing's value is."""
    return f"cache:{{{name}}}"


def test_what_was_read_is_kept(parts: Resources, name: str) -> None:
    """Another process finds it without the database; it is not kept for ever, nor all of it for equally long."""
    assert cache_of(parts).read("thing", name, lambda: b"{}") == b"{}"
    assert cache_of(parts).read("thing", name, never) == b"{}"
    assert 600_000 * (1 - JITTER) - 60_000 < parts.redis().pttl(key_of(name)) <= 600_000


def test_that_there_is_nothing_is_kept_for_less_long_and_not_beyond_its_making(parts: Resources, name: str) -> None:
    """A missing thing is looked up in the database once; once created it is found."""
    cache = cache_of(parts)
    assert cache.read("thing", name, lambda: None) is None
    assert cache_of(parts).read("thing", name, never) is None
    assert 0 < parts.redis().pttl(key_of(name)) <= 60_000
    with cache.invalidating({name}):
        pass
    assert cache_of(parts).read("thing", name, lambda: b"{}") == b"{}"


def test_a_value_may_be_anything(parts: Resources, name: str) -> None:
    """No value is taken for what stands for nothing, or for a lease."""
    for value in (b"", b"-", b"?", b"!", b"+", b"?abc"):
        cache = cache_of(parts)
        with cache.invalidating({name}):
            pass
        assert cache.read("thing", name, partial(bytes, value)) == value
        assert cache.read("thing", name, never) == value


class Things:
    """A thing in a real database, with caches before it in as many processes as a test wants."""

    def __init__(self, own: Settings, parts: Resources, name: str, processes: int) -> None:
        self.name = name
        self.looks = 0
        self.caches = [cache_of(parts) for _ in range(processes)]
        connect = connector(own, SERVICE)
        self.databases = [
            Database(connect, Breakers().of("database", SERVICE, 4), cache.invalidating) for cache in self.caches
        ]
        self._counting = threading.Lock()
        with self.databases[0].transaction() as transaction:
            transaction.run("insert into things (id, amount) values (:id, 0)", {"id": name})

    def read(self, process: int) -> int:
        def look() -> bytes:
            with self._counting:
                self.looks += 1
            with self.databases[process].transaction() as transaction:
                found = transaction.run("select amount from things where id = :id", {"id": self.name})
            return str(found[0]["amount"]).encode()

        return int(self.caches[process].read("thing", self.name, look) or 0)

    def write(self, process: int) -> int:
        sql = "update things set amount = amount + 1 where id = :id returning amount"
        with self.databases[process].transaction() as transaction:
            amount: int = transaction.run(sql, {"id": self.name})[0]["amount"]
            transaction.changed.add(self.name)
        return amount

    def close(self) -> None:
        for database in self.databases:
            database.close()


@pytest.fixture
def things(own: Settings, parts: Resources, name: str) -> Iterator[Callable[[int], Things]]:
    """Makes a thing: `things(4)` with four processes."""
    made: list[Things] = []

    def make(processes: int) -> Things:
        made.append(Things(own, parts, name, processes))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_a_thousand_misses_are_one_look_at_the_database(things: Callable[[int], Things]) -> None:
    """Eight processes with 125 requests each that found nothing kept: one of them reads, once."""
    thing = things(8)

    def miss(process: int) -> int:
        with thing.caches[process].preloaded(thing.name, [None]):
            return thing.read(process)

    assert all_at_once([partial(miss, number % 8) for number in range(1000)]) == [0] * 1000
    assert thing.looks == 1


def test_nobody_is_shown_what_is_older_than_what_was_acknowledged(things: Callable[[int], Things]) -> None:
    """Readers and writers race in four processes: each read is at least as new as any write that ended before it."""
    thing = things(4)
    acknowledged, writing = [0], threading.Event()
    noting = threading.Lock()

    def write(process: int) -> None:
        for _ in range(20):
            amount = thing.write(process)
            with noting:
                acknowledged[0] = max(acknowledged[0], amount)
            assert thing.read(process) >= amount

    def read(process: int) -> None:
        while not writing.is_set():
            before = acknowledged[0]
            assert thing.read(process) >= before

    failures: list[Exception] = []
    readers = [threading.Thread(target=_noted(partial(read, p), failures), daemon=True) for p in range(4)]
    for reader in readers:
        reader.start()
    try:
        all_at_once([partial(write, process) for process in range(4)])
    finally:
        writing.set()
        for reader in readers:
            reader.join(60)
    assert failures == []
    assert thing.read(0) == 80


def _noted(call: Callable[[], None], failures: list[Exception]) -> Callable[[], None]:
    def run() -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            failures.append(error)

    return run


Fate = Literal["committed", "rolled back", "crashed", "unknown"]
ENDINGS: list[Fate] = ["committed", "rolled back", "crashed", "unknown"]
Plan = tuple[str, Any, Any, Fate]
"""A read or a write, with what others do before and after its moment in the database, and how a write ends."""

PLANS = st.recursive(
    st.tuples(st.sampled_from(["read", "write"]), st.just(()), st.just(()), st.sampled_from(ENDINGS)),
    lambda inner: st.tuples(
        st.sampled_from(["read", "write"]),
        st.lists(inner, max_size=2),
        st.lists(inner, max_size=2),
        st.sampled_from(ENDINGS),
    ),
    max_leaves=8,
)


class Crash(BaseException):
    """A process that ends between its commit and what follows it."""


class World:
    """A thing whose database is a number, and who reads and writes it, each in a process of its own."""

    def __init__(self, parts: Resources, name: str) -> None:
        self._pipeline, self._name = parts.pipeline(), name
        self.stored = self.acknowledged = 0

    def play(self, plan: Plan) -> None:
        kind, before, after, fate = plan
        cache = Cache(self._pipeline, KINDS, FillTimeouts(lease=60, wait=0))
        (self._read if kind == "read" else partial(self._write, fate))(cache, before, after)

    def _read(self, cache: Cache, before: Any, after: Any) -> None:
        def look() -> bytes:
            for plan in before:
                self.play(plan)
            found = str(self.stored).encode()
            for plan in after:
                self.play(plan)
            return found

        acknowledged = self.acknowledged
        assert int(cache.read("thing", self._name, look) or b"") >= acknowledged

    def _write(self, fate: Fate, cache: Cache, before: Any, after: Any) -> None:
        changing = cache.invalidating({self._name})
        changing.__enter__()
        for plan in before:
            self.play(plan)
        if fate != "rolled back":
            self.stored += 1
        version = self.stored
        for plan in after:
            self.play(plan)
        if fate == "committed":
            changing.__exit__(None, None, None)
        elif fate == "rolled back":
            with pytest.raises(ValueError):
                _leave(changing, ValueError())
        elif fate == "unknown":
            with pytest.raises(OutcomeUnknown):
                _leave(changing, OutcomeUnknown())
        # What crashed, or is not known, is looked up by a retry at once, and acknowledged with no further word.
        if fate != "rolled back":
            self.acknowledged = max(self.acknowledged, version)


def _leave(context: Any, error: Exception) -> None:
    if not context.__exit__(type(error), error, None):
        raise error


@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plans=st.lists(PLANS, min_size=1, max_size=4))
def test_however_it_interleaves_nothing_old_is_shown(parts: Resources, plans: list[Plan]) -> None:
    """Reads and writes at every moment of one another, writers that crash after their commit, and commits unknown."""
    world = World(parts, ids.new("ord", "us"))
    for plan in plans:
        world.play(plan)
    world.play(("read", (), (), "committed"))


def test_a_dead_reader_is_replaced(parts: Resources, name: str) -> None:
    """A reader that died holding the lease delays others until it expires, and no longer."""
    dead = cache_of(parts, patience=FillTimeouts(lease=0.3, wait=60))

    def ends() -> bytes:
        raise Unavailable("It ended.")

    with pytest.raises(Unavailable):
        dead.read("thing", name, ends)
    assert cache_of(parts).read("thing", name, lambda: b"1") == b"1"
    assert cache_of(parts).read("thing", name, never) == b"1"


def test_who_has_waited_enough_reads_for_itself(parts: Resources, name: str) -> None:
    """A reader that hangs holds nobody up for longer than they wait; what they read is not kept."""
    hasty, begun, go_on = (
        cache_of(parts, patience=FillTimeouts(lease=60, wait=0.1)),
        threading.Event(),
        threading.Event(),
    )

    def hangs() -> bytes:
        begun.set()
        assert go_on.wait(30)
        return b"old"

    hanging = threading.Thread(target=lambda: cache_of(parts).read("thing", name, hangs), daemon=True)
    hanging.start()
    assert begun.wait(30)
    assert hasty.read("thing", name, lambda: b"1") == b"1"
    assert hasty.read("thing", name, lambda: b"2") == b"2"
    go_on.set()
    hanging.join(30)


@pytest.fixture(params=["server", pytest.param("cluster", marks=pytest.mark.long)])
def mortal(request: pytest.FixtureRequest, settings: Settings) -> Iterator[tuple[Valkey, Resources]]:
    """A Valkey that may be killed, and the parts of a process that uses it."""
    cluster = request.param == "cluster"
    with valkey(cluster=cluster) as server:
        yield server, Resources(replace(settings, redis_url=server.url, redis_cluster=cluster))


def test_redis_killed_in_the_middle(mortal: tuple[Valkey, Resources], name: str) -> None:
    """Reads come from the database, and writes commit, without an error; when it is back it keeps again."""
    server, parts = mortal
    cache = cache_of(parts)
    assert cache.read("thing", name, lambda: b"1") == b"1"
    server.kill()
    assert cache.read("thing", name, lambda: b"2") == b"2"
    with cache.invalidating({name}):
        server.start()
        server.kill()
    assert cache.read("thing", name, lambda: b"3") == b"3"
    server.start()
    until(lambda: cache.read("thing", name, lambda: b"4") == b"4" and parts.redis().get(key_of(name)), bool)
    assert cache_of(parts).read("thing", name, never) == b"4"


@pytest.mark.parametrize("mortal", ["server"], indirect=True)
def test_killed_while_it_is_filled(mortal: tuple[Valkey, Resources], name: str) -> None:
    """Readers of the database meanwhile get their result."""
    server, parts = mortal

    def look() -> bytes:
        server.kill()
        return b"1"

    assert cache_of(parts).read("thing", name, look) == b"1"


@pytest.mark.parametrize("mortal", ["server"], indirect=True)
def test_what_a_writer_could_not_tell_ends_with_its_time(mortal: tuple[Valkey, Resources], name: str) -> None:
    """Redis answers a writer not, and comes back with what it had: that lasts no longer than it was kept for."""
    server, parts = mortal
    cache = cache_of(parts, {"thing": Cached(seconds=1.5, absent_seconds=1)})
    began = time.monotonic()
    assert cache.read("thing", name, lambda: b"1") == b"1"
    with server.halted():
        cut_off = Cache(Resources(parts.settings).pipeline(), KINDS)
        with cut_off.invalidating({name}):
            pass
    until(lambda: cache.read("thing", name, lambda: b"2"), lambda found: found == b"2")
    assert began + 1.5 * (1 - JITTER) <= time.monotonic()


@pytest.mark.parametrize("mortal", ["server"], indirect=True)
def test_what_a_writer_could_not_tell_goes_with_its_next_change(mortal: tuple[Valkey, Resources], name: str) -> None:
    """Redis answers a writer not, and comes back with what it had, which would be kept for long."""
    server, parts = mortal
    cache = cache_of(parts)
    assert cache.read("thing", name, lambda: b"1") == b"1"
    writer = Cache(Resources(parts.settings).pipeline(), KINDS)
    with server.halted(), writer.invalidating({name}):
        pass
    assert cache.read("thing", name, lambda: b"2") == b"1"

    def change_another() -> bytes | None:
        with writer.invalidating({f"another {name}"}):
            pass
        return cache.read("thing", name, lambda: b"2")

    until(change_another, lambda found: found == b"2")  # once its breaker lets it


def test_an_open_breaker_is_no_error(parts: Resources, name: str) -> None:
    """Nobody is there: reads are shared looks at the database, and the breaker opens without anybody noticing."""
    cache = Cache(Resources(replace(parts.settings, redis_url="redis://127.0.0.1:1/0")).pipeline(), KINDS)
    for number in range(30):
        assert cache.read("thing", name, partial(bytes, number)) == bytes(number)
        with cache.invalidating({name}):
            pass


def test_a_promotion_begins_with_nothing_cached(parts: Resources, name: str) -> None:
    """Also where the cell was served before; and nothing is cached while the process does not know the epoch yet."""
    epoch = 1
    cache = Cache(Resources(parts.settings).pipeline(), KINDS, LONG, lambda: epoch)
    cache.read("thing", name, lambda: b"undone")
    epoch = 2
    assert cache.read("thing", name, lambda: b"again") == b"again"
    assert cache.read("thing", name, never) == b"again"
    with cache.invalidating([name]):
        pass
    epoch = 0
    assert [cache.read("thing", name, lambda: each) for each in (b"one", b"two")] == [b"one", b"two"]  # noqa: B023
