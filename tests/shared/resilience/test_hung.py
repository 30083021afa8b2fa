"""Each dependency hung, on its real server behind a tap: it is left alone, others go on, and it is found again."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import Final

import pytest

from shared.adapters import connect, kms, verdicts
from shared.adapters.firestore import answering, patience
from shared.adapters.resources import Resources
from shared.adapters.signers import KmsSigner
from shared.config import Settings
from shared.contracts.gen.supply_pb2 import DescribeRequest, DescribeResponse
from shared.errors import Unavailable
from shared.resilience import breaker as breaking
from shared.resilience.breaker import PROBES, Breaker
from shared.resilience.policies import POLICIES
from tests.kms import FakeKms, reached, serving
from tests.tap import Tap

PLACES: Final = 4
WITHIN_SECONDS: Final = 60
"""However slow the machine is."""

TIMEOUT_SECONDS: Final = 0.6
SLOW_SECONDS: Final = 0.3
CROWD: Final = 1000
KEY: Final = "projects/p/locations/global/keyRings/r/cryptoKeys/voucher/cryptoKeyVersions/1"


class Pipe:
    """One dependency behind a tap, and how it is asked."""

    def __init__(self, tap: Tap, breaker: Breaker, ask: Callable[[], object], other: Callable[[], object]) -> None:
        """other: asks something else in the same process."""
        self.tap = tap
        self.breaker = breaker
        self.ask = ask
        self.other = other


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rules, with times that suit a test."""
    for kind, policy in POLICIES.items():
        quick = replace(
            policy,
            timeout_seconds=TIMEOUT_SECONDS,
            slow_seconds=SLOW_SECONDS,
            late_seconds=SLOW_SECONDS,
            at_once=PLACES,
            wait_seconds=0.5,
        )
        monkeypatch.setitem(POLICIES, kind, quick)
    monkeypatch.setattr(verdicts, "AT_LEAST_SECONDS", TIMEOUT_SECONDS)
    monkeypatch.setattr(connect, "CONNECT_SECONDS", TIMEOUT_SECONDS)
    monkeypatch.setattr(breaking, "OPEN_SECONDS", 0.3)
    monkeypatch.setattr(breaking, "OPEN_AT_MOST_SECONDS", 0.6)


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    """What is to end with the test."""
    with ExitStack() as stack:
        yield stack


def reading(resources: Resources, service: str) -> Callable[[], object]:
    """Asks a service's database."""

    def ask() -> object:
        with resources.database(service).transaction() as transaction:
            return transaction.run("select 1 as one", {})

    return ask


@pytest.fixture(
    params=[
        "database",
        "redis",
        pytest.param("rpc", marks=pytest.mark.long),
        pytest.param("firestore", marks=pytest.mark.long),
        pytest.param("chain", marks=pytest.mark.long),
        pytest.param("kms", marks=pytest.mark.long),
    ]
)
def pipe(
    request: pytest.FixtureRequest,
    impatient: None,
    settings: Settings,
    resources: Resources,
    ends: ExitStack,
    monkeypatch: pytest.MonkeyPatch,
) -> Pipe:
    """Each dependency in turn."""
    settings = replace(settings, database_pool=PLACES)

    def tapped(port: str | int, only: bytes = b"") -> Tap:
        return ends.enter_context(Tap(int(str(port).rpartition(":")[2].partition("/")[0]), only))

    def database() -> Pipe:
        tap = tapped(settings.database_port, settings.database_name("wallet").encode())
        behind = Resources(replace(settings, database_port=tap.port))
        ends.callback(behind.database("wallet").close)
        ends.callback(behind.database("order").close)
        return Pipe(tap, behind.breaker("database", "wallet"), reading(behind, "wallet"), reading(behind, "order"))

    def redis() -> Pipe:
        tap = tapped(settings.redis_url)
        behind = Resources(replace(settings, redis_url=f"redis://127.0.0.1:{tap.port}/0"))
        ends.callback(lambda: behind.redis().close())
        return Pipe(tap, behind.breaker("redis"), lambda: behind.asker().ask([("PING",)]), reading(behind, "order"))

    def rpc() -> Pipe:
        tap = tapped(settings.rpc_addresses["supply"])
        addresses = {**settings.rpc_addresses, "supply": f"127.0.0.1:{tap.port}"}
        behind = Resources(replace(settings, rpc_addresses=addresses))
        channel = behind.channel("supply", "order")
        return Pipe(
            tap,
            behind.breaker("rpc", "supply"),
            lambda: channel.call(
                "Supply.Describe", DescribeRequest(), DescribeResponse, timeout_seconds=TIMEOUT_SECONDS
            ),
            reading(behind, "order"),
        )

    def firestore() -> Pipe:
        tap = tapped(os.environ["FIRESTORE_EMULATOR_HOST"])
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{tap.port}")
        behind = Resources(settings)
        breaker = behind.breaker("firestore")

        def ask() -> None:
            with answering(breaker):
                behind.firestore().document("tests/hung").get(**patience(TIMEOUT_SECONDS))

        return Pipe(tap, breaker, ask, reading(behind, "order"))

    def chain() -> Pipe:
        chain_id = settings.custody_chain_id
        tap = tapped(settings.chain_urls[chain_id])
        behind = Resources(replace(settings, chain_urls={chain_id: f"http://127.0.0.1:{tap.port}"}))
        node = behind.chain(chain_id)
        return Pipe(
            tap,
            behind.breaker("chain", str(chain_id)),
            lambda: node.request("eth_chainId", timeout_seconds=TIMEOUT_SECONDS),
            reading(behind, "order"),
        )

    def signing() -> Pipe:
        tap = tapped(ends.enter_context(serving(FakeKms({KEY: b"\x2a" * 32}))))
        signer = KmsSigner(ends.enter_context(reached(tap.port)), KEY)
        return Pipe(tap, kms.breaker(), lambda: signer.sign(b"\x2a" * 32), reading(Resources(settings), "order"))

    made = {"database": database, "redis": redis, "rpc": rpc, "firestore": firestore, "chain": chain, "kms": signing}
    return made[request.param]()


def answered(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except Unavailable:
        return False
    return True


def until(done: Callable[[], bool], what: str) -> None:
    """Look until something is so."""
    end = time.monotonic() + WITHIN_SECONDS
    while not done():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def closed(pipe: Pipe) -> bool:
    """Whether it answers, and is trusted."""
    return answered(pipe.ask) and pipe.breaker.state == "closed"


def let_hang(pipe: Pipe) -> None:
    """Shut the tap, and ask with twice as many threads as there are places until it is left alone."""
    pipe.tap.shut()

    def ask(_: int) -> None:
        until(lambda: not answered(pipe.ask) and pipe.breaker.state != "closed", "it is still called")

    with ThreadPoolExecutor(2 * PLACES) as pool:
        list(pool.map(ask, range(2 * PLACES)))


def test_what_hangs_is_left_alone_and_found_again(pipe: Pipe) -> None:
    """Its breaker opens though few calls have failed; others are answered; few of many waiters try; then it closes."""
    until(lambda: closed(pipe), "it answers through the tap")
    let_hang(pipe)
    until(lambda: answered(pipe.other), "what does not need it is answered")
    until(lambda: pipe.breaker.state == "half_open", "it is worth another try")
    refused_before, began = pipe.breaker.read().refused, time.monotonic()
    with ThreadPoolExecutor(4 * PROBES) as pool:
        crowd = list(pool.map(lambda _: answered(pipe.ask), range(CROWD)))
    tried = CROWD - (pipe.breaker.read().refused - refused_before)
    rounds = 1 + (time.monotonic() - began) // TIMEOUT_SECONDS  # a try takes as long before it fails
    assert not any(crowd)
    assert 1 <= tried <= PROBES * rounds
    pipe.tap.open()
    until(lambda: closed(pipe), "it is found again, with nothing started anew")
