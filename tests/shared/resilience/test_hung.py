"""Each dependency hung behind a stall proxy: its breaker opens, the others go on, and it closes on recovery."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Final

import msgspec
import pytest
from msgspec.structs import replace

from shared.auth import kms
from shared.chain.signers import KmsSigner
from shared.config import Settings
from shared.contracts.gen.supply_pb2 import DescribeRequest, DescribeResponse
from shared.errors import Unavailable
from shared.firestore.calls import call_options, guarded
from shared.postgres import connect
from shared.postgres import errors as verdicts
from shared.resilience import breaker as breaking
from shared.resilience.breaker import PROBES, Breaker
from shared.resilience.policies import POLICIES
from shared.resources import Resources
from tests.kms import FakeKms, reached, serving
from tests.stall_proxy import StallProxy

PLACES: Final = 4
WITHIN_SECONDS: Final = 60
"""However slow the machine is."""

TIMEOUT_SECONDS: Final = 0.6
SLOW_SECONDS: Final = 0.3
CROWD: Final = 1000
KEY: Final = "projects/p/locations/global/keyRings/r/cryptoKeys/voucher/cryptoKeyVersions/1"


class Pipe:
    """One dependency behind a stall proxy, and how it is called."""

    def __init__(
        self, proxy: StallProxy, breaker: Breaker, ask: Callable[[], object], other: Callable[[], object]
    ) -> None:
        """other: asks something else in the same process."""
        self.proxy = proxy
        self.breaker = breaker
        self.ask = ask
        self.other = other


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rules, with times that suit a test."""
    for kind, policy in POLICIES.items():
        quick = msgspec.structs.replace(
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

    def proxied(port: str | int, only: bytes = b"") -> StallProxy:
        return ends.enter_context(StallProxy(int(str(port).rpartition(":")[2].partition("/")[0]), only))

    def database() -> Pipe:
        proxy = proxied(settings.database_port, settings.database_name("wallet").encode())
        behind = Resources(replace(settings, database_port=proxy.port))
        ends.callback(behind.database("wallet").close)
        ends.callback(behind.database("order").close)
        return Pipe(proxy, behind.breaker("database", "wallet"), reading(behind, "wallet"), reading(behind, "order"))

    def redis() -> Pipe:
        proxy = proxied(settings.redis_url)
        behind = Resources(replace(settings, redis_url=f"redis://127.0.0.1:{proxy.port}/0"))
        ends.callback(lambda: behind.redis().close())
        return Pipe(
            proxy, behind.breaker("redis"), lambda: behind.pipeline().execute([("PING",)]), reading(behind, "order")
        )

    def rpc() -> Pipe:
        proxy = proxied(settings.rpc_addresses["supply"])
        addresses = {**settings.rpc_addresses, "supply": f"127.0.0.1:{proxy.port}"}
        behind = Resources(replace(settings, rpc_addresses=addresses))
        channel = behind.channel("supply", "order")
        return Pipe(
            proxy,
            behind.breaker("rpc", "supply"),
            lambda: channel.call(
                "Supply.Describe", DescribeRequest(), DescribeResponse, timeout_seconds=TIMEOUT_SECONDS
            ),
            reading(behind, "order"),
        )

    def firestore() -> Pipe:
        proxy = proxied(os.environ["FIRESTORE_EMULATOR_HOST"])
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{proxy.port}")
        behind = Resources(settings)
        breaker = behind.breaker("firestore")

        def ask() -> None:
            with guarded(breaker):
                behind.firestore().document("tests/hung").get(**call_options(TIMEOUT_SECONDS))

        return Pipe(proxy, breaker, ask, reading(behind, "order"))

    def chain() -> Pipe:
        chain_id = settings.custody_chain_id
        proxy = proxied(settings.chain_urls[chain_id])
        behind = Resources(replace(settings, chain_urls={chain_id: f"http://127.0.0.1:{proxy.port}"}))
        node = behind.chain(chain_id)
        return Pipe(
            proxy,
            behind.breaker("chain", str(chain_id)),
            lambda: node.request("eth_chainId", timeout_seconds=TIMEOUT_SECONDS),
            reading(behind, "order"),
        )

    def signing() -> Pipe:
        proxy = proxied(ends.enter_context(serving(FakeKms({KEY: b"\x2a" * 32}))))
        signer = KmsSigner(ends.enter_context(reached(proxy.port)), KEY)
        return Pipe(proxy, kms.breaker(), lambda: signer.sign(b"\x2a" * 32), reading(Resources(settings), "order"))

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
    """Stall the proxy, and call with twice as many threads as there are places until the breaker opens."""
    pipe.proxy.stall()

    def ask(_: int) -> None:
        until(lambda: not answered(pipe.ask) and pipe.breaker.state != "closed", "it is still called")

    with ThreadPoolExecutor(2 * PLACES) as pool:
        list(pool.map(ask, range(2 * PLACES)))


def test_what_hangs_is_left_alone_and_found_again(pipe: Pipe) -> None:
    """Its breaker opens though few calls have failed; others are answered; few of many waiters try; then it closes."""
    until(lambda: closed(pipe), "it answers through the stalled proxy")
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
    pipe.proxy.resume()
    until(lambda: closed(pipe), "it is found again, with nothing started anew")
