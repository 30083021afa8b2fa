"""Three regions of real parts: one is killed, its users are served elsewhere, and it comes back with what it held."""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from emulators.stack import orphans
from emulators.stack.parts.global_edge import CLIENT_REGION
from emulators.stack.sites import NEARNESS
from emulators.stack.stack import Stack
from emulators.waiting import until
from tests.emulators.conftest import ASIA, THREE

OUT_WITHIN_SECONDS = 5.0
PAUSE_SECONDS = 0.05
MEGABYTES_AT_MOST = 9000
BACK_WITHIN_SECONDS = 240
LAG_SECONDS = 15.0
"""More than the lag is while all is well: it is measured every five seconds."""

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack of three regions."""
    with Stack(tmp_path_factory.mktemp("three"), free_ports=True, regions=THREE) as running:
        yield running


def near(stack: Stack, region: str) -> httpx.Client:
    """Connections of a client near a region to the global edge."""
    return httpx.Client(base_url=stack.edge_url, headers={CLIENT_REGION: region}, timeout=30)


@dataclass(frozen=True)
class Answer:
    """When a request was sent, on the monotonic clock, its status (0: no answer), and which region served it."""

    at: float
    status: int
    region: str


class Watch(threading.Thread):
    """Asks for /health again and again, as a client near a region."""

    def __init__(self, client: httpx.Client) -> None:
        super().__init__()
        self._client = client
        self._stop_asking = threading.Event()
        self.answers: list[Answer] = []

    def run(self) -> None:
        """Until the block ends."""
        while not self._stop_asking.wait(PAUSE_SECONDS):
            at = time.monotonic()
            try:
                response = self._client.get("/health")
            except httpx.HTTPError:
                self.answers.append(Answer(at, 0, ""))
            else:
                self.answers.append(Answer(at, response.status_code, response.headers["X-Served-By"]))

    def __enter__(self) -> "Watch":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_asking.set()
        self.join()


def served(answers: Sequence[Answer], region: str) -> list[float]:
    """When the requests were sent that a region has served."""
    return [answer.at for answer in answers if (answer.status, answer.region) == (200, region)]


def test_a_region_dies_and_comes_back(three: Stack) -> None:
    """Its users are served elsewhere within five seconds, others do not notice, and its data is there again after."""
    with near(three, ASIA) as client, near(three, THREE[0]) as other:
        user = ApiUser(client).sign_in()
        body = {"wallet_id": user.wallet_id, "currency": "USDC", "amount": "1000000"}
        user.post("/v1/local/faucet", body)
        before = user.balance("USDC")
        with Watch(client) as watched, Watch(other) as undisturbed:
            until(lambda: served(watched.answers, ASIA), bool)
            killed_at = time.monotonic()
            three.regions.kill(ASIA)
            elsewhere = NEARNESS[ASIA][1]
            until(lambda: served(watched.answers, elsewhere), bool)
            time_out = served(watched.answers, elsewhere)[0] - killed_at
            noticed = time.monotonic()
            three.regions.heal(ASIA)
            until(lambda: watched.answers[-1], lambda last: (last.status, last.region) == (200, ASIA))
        assert before == user.balance("USDC") == 1_000_000
    assert time_out < OUT_WITHIN_SECONDS
    assert {answer.status for answer in watched.answers if noticed < answer.at} == {200}
    assert {(answer.status, answer.region) for answer in undisturbed.answers} == {(200, THREE[0])}


def test_the_processes_of_a_killed_region_stay_down_until_it_is_healed(three: Stack) -> None:
    """Nothing of it runs, supervisord starts none of it again, and all that is shared and in other regions runs on."""
    three.regions.until_warm()
    programs = {process.name: process.pid for process in three.status()}
    there = {name for name in programs if f"-{ASIA}-" in f"{name}-"} | {"postgres-as", "valkey-as"}
    three.regions.kill(ASIA)
    try:
        states = {process.name: process.state for process in three.status()}
        down = {name for name, state in states.items() if state not in ("STARTING", "RUNNING")}
        assert down == there
        assert not [name for name in down if psutil.pid_exists(programs[name])]
        assert {"postgres-as", "valkey-as", f"functions-{ASIA}", f"workers-{ASIA}", f"edge-{ASIA}"} <= down
    finally:
        three.regions.heal(ASIA)
    until(lambda: {process.state for process in three.status()}, lambda states: states == {"RUNNING"}, 60)


def lag(client: httpx.Client, cell: str) -> float | None:
    """By how many seconds the region that answers is behind a cell, as it says itself."""
    found: float | None = client.get("/ready").raise_for_status().json()["replication_lag_seconds"][cell]
    return found


def until_behind(client: httpx.Client, by_seconds: float = LAG_SECONDS) -> float:
    """Wait until the region that answers is behind `us` by so much: what was open when they were cut off has ended.

    Returns by how much it is behind.
    """
    behind = until(lambda: lag(client, "us"), lambda seconds: seconds is not None and seconds > by_seconds, 60)
    assert behind is not None
    return behind


def test_supplies_are_known_while_their_home_is_cut_off(three: Stack) -> None:
    """In every region, for who accepts a stale answer; the lag grows, what was missed arrives later."""
    us, europe, _ = THREE
    with near(three, us) as home, near(three, europe) as away:
        merchant, reader = ApiUser(home).sign_in(), ApiUser(away).sign_in()
        terms = {"title": "Known", "currency": "USDC", "unit_price": "1000", "quantity": 10, "status": "active"}
        supply = merchant.post("/v1/supplies", terms, key=fresh_key())
        path, listed = f"/v1/supplies/{supply['id']}", f"/v1/supplies?merchant_id={merchant.user_id}"
        stale = f"{path}?consistency=eventual"
        known = until(lambda: reader.request("GET", stale), lambda answer: answer.status_code == 200, 30)
        assert known.json() == supply
        assert (known.headers["X-Served-By"], known.headers["X-Consistency"][:9]) == (europe, "eventual;")
        until(lambda: lag(away, "us"), lambda seconds: seconds is not None, 60)
        three.regions.cut(us, europe)
        try:
            until_behind(away)
            change = {"title": "Changed"}
            match = {"If-Match": f'"{supply["version"]}-1"'}
            assert merchant.request("PATCH", path, change, more=match).status_code == 200
            for unreachable in (path, listed):
                refused = reader.request("GET", unreachable)
                assert (refused.status_code, refused.json()["code"]) == (503, "CELL_UNREACHABLE")
            items = reader.get(f"{listed}&consistency=eventual")["items"]
            assert [(each["id"], each["title"]) for each in items] == [(supply["id"], "Known")]
        finally:
            three.regions.uncut(us, europe)
        reader.wait_for(stale, "title", "Changed", within_seconds=60)
        assert reader.get(path)["title"] == "Changed"
        until(lambda: lag(away, "us"), lambda seconds: seconds is not None and seconds < LAG_SECONDS, 60)


def test_all_of_it_fits_on_a_laptop(three: Stack) -> None:
    """Under 9 GB, in proportional set size where the system tells it."""
    memory = [process.memory_full_info() for process in orphans.find(three.state, [three.state / "postgres"])]
    assert sum(getattr(each, "pss", each.rss) for each in memory) / 1e6 < MEGABYTES_AT_MOST


@pytest.mark.parametrize("how", [{"EVENT_BUS": "kafka"}, {"EVENT_DELIVERY": "pull"}], ids=["kafka", "pull"])
def test_events_reach_other_regions_by_consumers_too(how: dict[str, str], tmp_path: Path) -> None:
    """Each region's read the other's topics; the lag is known, and small."""
    us, europe = THREE[:2]
    with (
        Stack(tmp_path, free_ports=True, regions=(us, europe), overrides=how) as two,
        near(two, us) as home,
        near(two, europe) as away,
    ):
        merchant, reader = ApiUser(home).sign_in(), ApiUser(away).sign_in()
        terms = {"title": "Known", "currency": "USDC", "unit_price": "1000", "quantity": 10, "status": "active"}
        supply = merchant.post("/v1/supplies", terms, key=fresh_key())
        stale = f"/v1/supplies/{supply['id']}?consistency=eventual"
        known = until(lambda: reader.request("GET", stale), lambda answer: answer.status_code == 200, 30)
        assert (known.json(), known.headers["X-Served-By"]) == (supply, europe)
        until(lambda: lag(away, "us"), lambda seconds: seconds is not None and seconds < LAG_SECONDS, 60)
        if "EVENT_DELIVERY" not in how:
            return  # Kafka's clients go to the address that the broker advertises, not by the link
        two.regions.cut(us, europe)
        behind = until_behind(away)
        match = {"If-Match": f'"{supply["version"]}-1"'}
        change = merchant.request("PATCH", f"/v1/supplies/{supply['id']}", {"title": "Changed"}, more=match)
        assert change.status_code == 200
        until_behind(away, behind + LAG_SECONDS)
        assert reader.get(stale)["title"] == "Known"  # no pull has brought it
        two.regions.uncut(us, europe)
        reader.wait_for(stale, "title", "Changed", within_seconds=60)


def test_nothing_is_left_of_it(tmp_path: Path) -> None:
    """A stop while a region is down leaves no process."""
    stack = Stack(tmp_path, free_ports=True, regions=THREE[:2]).up()
    stack.regions.kill(THREE[1])
    stack.down()
    assert orphans.find(tmp_path) == []
    assert not (tmp_path / "postgres").exists()
