"""Pipelined Redis commands: on one server, on a cluster, and while servers fail and slots move."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import pytest
from msgspec.structs import replace
from redis.crc import key_slot

from shared.config import Settings
from shared.errors import Unavailable
from shared.redis.pipeline import Script
from shared.resources import Resources
from tests.valkey import ALL, Valkey, valkey

HALF = ALL[1] // 2
SAY = Script("return {KEYS[1], ARGV[1], redis.call('GET', KEYS[1])}")
BROKEN = Script("return redis.call('INCR', KEYS[1])")


@dataclass(frozen=True)
class Servers:
    """The servers of some Redis, and the parts of a process that asks them."""

    nodes: list[Valkey]
    parts: Resources

    def execute(self, *commands: tuple[Any, ...]) -> list[Any]:
        """What Redis answers."""
        return self.parts.pipeline().execute(commands)


@pytest.fixture(scope="module", params=["server", "cluster"])
def nodes(request: pytest.FixtureRequest) -> Iterator[list[Valkey]]:
    """One server; two, each with half of the slots."""
    cluster = request.param == "cluster"
    halves = [(0, HALF), (HALF + 1, ALL[1])] if cluster else [ALL]
    with ExitStack() as ending:
        found = [ending.enter_context(valkey(cluster=cluster, slots=slots)) for slots in halves]
        if cluster:
            found[0].meet(found[1])
        yield found


@pytest.fixture
def servers(nodes: list[Valkey], settings: Settings) -> Servers:
    """The servers, and a process that has not connected to them yet."""
    return Servers(nodes, Resources(replace(settings, redis_url=nodes[0].url, redis_cluster=len(nodes) > 1)))


def keys_on_all() -> list[str]:
    """Keys that are not all on one node."""
    keys: list[str] = []
    while len({key_slot(key.encode()) <= HALF for key in keys}) < 2 or len(keys) < 6:
        keys.append(f"key:{token_hex(4)}")
    return keys


def test_answers_are_in_the_order_of_the_questions(servers: Servers) -> None:
    """Whichever node has a key, and whether it is a command or a script that no server knows yet."""
    keys = keys_on_all()
    assert servers.execute(*(("SET", key, f"of {key}") for key in keys)) == [b"OK"] * len(keys)
    commands = [command for key in keys for command in (("GET", key), SAY.on([key], "it"))]
    answers = [answer for key in keys for answer in (f"of {key}".encode(), [key.encode(), b"it", f"of {key}".encode()])]
    assert servers.execute(*commands) == answers
    assert servers.execute(*reversed(commands)) == answers[::-1]


def test_an_error_is_no_answer_and_leaves_nothing_behind(servers: Servers) -> None:
    """An error of the server is raised; later replies are not mistaken for those of the next request."""
    keys = keys_on_all()
    servers.execute(*(("SET", key, f"of {key}") for key in keys))
    for refused in (("INCR", keys[0]), BROKEN.on([keys[0]])):
        with pytest.raises(Unavailable, match="not an integer"):
            servers.execute(refused, *(("GET", key) for key in keys))
        assert servers.execute(*(("GET", key) for key in keys)) == [f"of {key}".encode() for key in keys]


def test_each_of_many_has_its_own_answers(servers: Servers) -> None:
    """However many threads ask at once."""
    keys = keys_on_all()
    servers.execute(*(("SET", key, f"of {key}") for key in keys))

    def asks(number: int) -> bool:
        key, other = keys[number % len(keys)], keys[(number + 1) % len(keys)]
        return servers.execute(SAY.on([key], number), ("GET", other)) == [
            [key.encode(), str(number).encode(), f"of {key}".encode()],
            f"of {other}".encode(),
        ]

    with ThreadPoolExecutor(8) as crowd:
        assert all(crowd.map(asks, range(400)))


def test_servers_that_were_killed_are_found_again(servers: Servers) -> None:
    """A restart costs what was kept, the scripts and the connections, and no error once they are back."""
    keys = keys_on_all()
    servers.execute(*(SAY.on([key], "") for key in keys))
    for node in servers.nodes:
        node.kill()
    with pytest.raises(Unavailable):
        servers.execute(("GET", keys[0]))
    for node in servers.nodes:
        node.start()
    commands = [command for key in keys for command in (SAY.on([key], "it"), ("GET", key))]
    assert servers.execute(*commands) == [answer for key in keys for answer in ([key.encode(), b"it", None], None)]


def test_nobody_is_given_an_answer_that_came_too_late(servers: Servers) -> None:
    """A caller that timed out on a hung server leaves no reply for the next one on that connection."""
    keys = keys_on_all()
    servers.execute(*(("SET", key, f"of {key}") for key in keys))
    with ExitStack() as ending:
        for node in servers.nodes:
            ending.enter_context(node.halted())
        with pytest.raises(Unavailable):
            servers.execute(*(("GET", key) for key in keys))
    backwards = keys[::-1]
    assert servers.execute(*(("GET", key) for key in backwards)) == [f"of {key}".encode() for key in backwards]


@pytest.mark.parametrize("nodes", ["cluster"], indirect=True)
def test_keys_that_moved_are_found(servers: Servers) -> None:
    """A slot moves to the other node, and back: commands and scripts follow it."""
    here, there = servers.nodes
    key = next(key for key in keys_on_all() if key_slot(key.encode()) <= HALF)
    servers.execute(("SET", key, "1"))
    for giver, taker in ((here, there), (there, here)):
        giver.give(key_slot(key.encode()), taker)
        for _ in range(2):
            assert servers.execute(("GET", key), SAY.on([key], "it")) == [b"1", [key.encode(), b"it", b"1"]]
