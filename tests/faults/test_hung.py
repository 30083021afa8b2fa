"""Each dependency in turn hangs under load, before a functions host of its own: the rest of it hardly notices."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import pytest

from emulators.buyer import Person
from emulators.ports import HOST, Ports
from emulators.programs import GRANIAN
from emulators.stack import Stack
from shared.config import read
from tests.tap import Tap

CLIENTS: Final = 16
OTHERS: Final = 4
PAUSE_SECONDS: Final = 0.1
OTHERS_PAUSE_SECONDS: Final = 0.05
BASE_SECONDS: Final = 10.0
HANG_SECONDS: Final = 12.0
OPEN_WITHIN_SECONDS: Final = {"wallet": 2.0, "supply": 2.0, "firestore": 6.0}
"""Firestore is given longer: its emulator answers in steps of 2 s where documents are contended."""

SLOWER_AT_MOST: Final = 1.5
NOISE_SECONDS: Final = 0.02
"""What this machine makes of a difference by itself."""

ROUTES: Final[dict[str, tuple[str, Any]]] = {
    "wallet": ("/v1/wallets", None),
    "supply": ("/v1/orders/quote", {"wallet_id": "", "items": [{"supply_id": "", "quantity": 1}]}),
    "firestore": ("/v1/me", None),
}
"""What each dependency is asked for: wallet's database, supply's RPC host, Firestore."""

OTHER: Final = "/v1/orders"


@dataclass
class Seen:
    """What clients of one route were answered: (when, status, seconds that it took)."""

    answers: list[tuple[float, int, float]] = field(default_factory=list)

    def worst(self, since: float, until: float) -> float:
        """The 99th percentile of what began in a time, in seconds."""
        took = sorted(seconds for at, _, seconds in self.answers if since <= at < until)
        return took[int(len(took) * 0.99)]


@dataclass
class Shop:
    """A functions host whose dependencies are behind taps."""

    url: str
    taps: dict[str, Tap]


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Iterator[Shop]:
    """One more functions host of the stack's."""
    environment = stack.environment
    settings = read(environment)
    with ExitStack() as ends:

        def tapped(address: str, only: bytes = b"") -> Tap:
            return ends.enter_context(Tap(int(address.rpartition(":")[2]), only))

        taps = {
            "wallet": tapped(str(settings.database_port), settings.database_name("wallet").encode()),
            "supply": tapped(settings.rpc_addresses["supply"]),
            "firestore": tapped(environment["FIRESTORE_EMULATOR_HOST"]),
        }
        addresses = {**settings.rpc_addresses, "supply": f"{HOST}:{taps['supply'].port}"}
        changed = {
            "DATABASE_PORT": str(taps["wallet"].port),
            "FIRESTORE_EMULATOR_HOST": f"{HOST}:{taps['firestore'].port}",
            "RPC_ADDRESSES": ",".join(f"{name}={address}" for name, address in addresses.items()),
        }
        ports = Ports(["host"], free=True)
        port = ports.chosen["host"]
        ports.release()
        command = [sys.executable, "-m", "granian", *GRANIAN, "--host", HOST, "--port", str(port), "--factory"]
        process = subprocess.Popen([*command, "emulators.host:make"], env={**environment, **changed})
        ends.callback(process.wait, 30)
        ends.callback(process.terminate)
        url = f"http://{HOST}:{port}"
        until(lambda: answers(url), "the host is up")
        yield Shop(url, taps)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health").status_code == 200
    except httpx.TransportError:
        return False


def until(done: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end, what
        time.sleep(0.1)


@contextmanager
def load(shop: Shop, person: Person, path: str, body: Any, clients: int, pause: float) -> Iterator[Seen]:
    """Clients that ask for one route again and again."""
    seen, stop = Seen(), threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=shop.url, timeout=30) as client:
            client.headers["Authorization"] = f"Bearer {person.access_token}"
            while not stop.wait(pause):
                began = time.monotonic()
                answer = client.request("POST" if body else "GET", path, json=body)
                seen.answers.append((began, answer.status_code, time.monotonic() - began))

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(ROUTES))
def test_what_hangs_hardly_slows_the_rest(
    name: str, shop: Shop, anyone: Callable[[], Person], on_sale: Callable[..., dict[str, Any]]
) -> None:
    """Its breaker opens in time; then others have at most 1.5 times the p99 that they had; it recovers by itself."""
    person, (path, body) = anyone(), ROUTES[name]
    if body:
        body = {"wallet_id": person.wallet_id, "items": [{"supply_id": on_sale()["id"], "quantity": 1}]}
    with (
        load(shop, person, path, body, CLIENTS, PAUSE_SECONDS) as those,
        load(shop, anyone(), OTHER, None, OTHERS, OTHERS_PAUSE_SECONDS) as others,
    ):
        until(lambda: any(status == 200 for _, status, _ in those.answers), "it answers before it hangs")
        time.sleep(BASE_SECONDS)
        hung = time.monotonic()
        shop.taps[name].shut()
        time.sleep(HANG_SECONDS)
        opened = time.monotonic()
        shop.taps[name].open()
        until(lambda: any(at > opened and status == 200 for at, status, _ in those.answers), "it recovers by itself")
        recovered = time.monotonic() - opened
    refusal = min(at + seconds for at, status, seconds in those.answers if at > hung - 30 and status == 503)
    before, during = others.worst(hung - BASE_SECONDS, hung), others.worst(refusal, opened)
    print(f"{name}: open after {refusal - hung:.2f} s, p99 {before * 1000:.0f} -> {during * 1000:.0f} ms,", end=" ")
    print(f"recovered after {recovered:.1f} s")
    assert refusal - hung <= OPEN_WITHIN_SECONDS[name]
    assert {status for at, status, _ in others.answers} == {200}
    assert during <= SLOWER_AT_MOST * before + NOISE_SECONDS
