"""Failover on real parts: standbys in three regions, promotion, what it undoes, the way back, and the drill."""

import multiprocessing
import time
from collections.abc import Iterator

import httpx
import pytest
from rich.console import Console

from emulators.demo import drill
from emulators.demo.api_user import ApiUser, fresh_key
from emulators.demo.report import audit, violations_of
from emulators.demo.runner import resources_of, sites_of
from emulators.stack.errors import StackError
from emulators.stack.stack import Stack
from emulators.waiting import until
from shared.cells.record import CellRecord
from shared.postgres.gate import read_gate
from tests.chain import REDEEMED_AT_ONCE
from tests.emulators.conftest import ASIA, EUROPE, THREE, US

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200), pytest.mark.alone]

PRICE = 1000
BUSY_SECONDS = 20.0
BURNERS = 8


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack of three regions, which these tests leave as they found it but for where cells are served."""
    state = tmp_path_factory.mktemp("failover")
    with Stack(state, free_ports=True, regions=THREE, overrides=REDEEMED_AT_ONCE) as running:
        yield running


@pytest.fixture
def client(three: Stack) -> Iterator[httpx.Client]:
    """Connections to the global edge."""
    with httpx.Client(base_url=three.edge_url, timeout=30) as opened:
        yield opened


def record(stack: Stack, cell: str) -> CellRecord:
    """What Firestore says about a cell."""
    return resources_of(stack).cell_records().read(cell)


def designated(stack: Stack, cell: str) -> CellRecord:
    """The record of a cell, once it has a designated standby."""
    return until(lambda: record(stack, cell), lambda found: bool(found.standby), 90, 0.5)


def sold_by(client: httpx.Client, near: str, quantity: int = 20) -> str:
    """A supply of a merchant near a region."""
    terms = {"title": "Sold", "currency": "USDC", "unit_price": str(PRICE), "quantity": quantity, "status": "active"}
    merchant = ApiUser(client, near=near).sign_in_with_retries()
    return str(merchant.post("/v1/supplies", terms, key=fresh_key())["id"])


def buyer_near(client: httpx.Client, near: str) -> ApiUser:
    """Somebody with money."""
    buyer = ApiUser(client, near=near).sign_in_with_retries()
    buyer.post("/v1/local/faucet", {"wallet_id": buyer.wallet_id, "currency": "USDC", "amount": "1000000"})
    return buyer


def order(buyer: ApiUser, supply_id: str) -> str:
    """Order a unit until it is confirmed; the order's id."""
    body = {"wallet_id": buyer.wallet_id, "items": [{"supply_id": supply_id, "quantity": 1}]}
    answer = until(
        lambda: buyer.send_with_retries("POST", "/v1/orders", body, fresh_key()),
        lambda found: found.status_code == httpx.codes.CREATED,
        90,
        0.5,
    )
    return str(answer.json()["id"])


def clean(stack: Stack) -> None:
    """Every cell's audit finds nothing, once what is under way has arrived."""
    for parts in sites_of(stack).values():
        until(lambda parts=parts: violations_of(audit(parts)), lambda lines: not lines, 120, 2.0)  # type: ignore[misc]


def test_the_drill_keeps_its_promises(three: Stack) -> None:
    """A region dies with vouchers and withdrawals in flight; its cell is then served in the next one."""
    for cell, region in (("us", EUROPE), ("eu", ASIA), ("as", US)):
        assert designated(three, cell).standby == region
    figures = drill.run(three, Console())
    assert figures.harm == []
    assert min(figures.orders, figures.vouchers, figures.withdrawals) > 0
    assert (record(three, "as").region, designated(three, "as").standby) == (US, ASIA)


def test_a_cell_is_promoted_and_promoted_back(three: Stack, client: httpx.Client) -> None:
    """Orders and vouchers are there again in another region; the old one rejoins as its standby, and takes it back."""
    supply, buyer = sold_by(client, US), buyer_near(client, US)
    bought = order(buyer, supply)
    buyer.wait_for(f"/v1/orders/{bought}", "status", "paid", within_seconds=60)
    voucher = buyer.post("/v1/claims", {"order_id": bought})["voucher"]
    before = designated(three, "us")
    with pytest.raises(StackError, match="still renewed"):
        three.regions.promote(US)
    three.regions.kill(US)
    three.regions.promote(US)
    assert (record(three, "us").region, record(three, "us").epoch) == (EUROPE, before.epoch + 1)
    assert buyer.send_with_retries("POST", "/v1/claims", {"order_id": bought}).json()["voucher"] == voucher
    shown = until(lambda: buyer.request("GET", f"/v1/supplies/{supply}"), lambda found: found.is_success, 30)
    assert shown.headers["ETag"].endswith(f'-e{before.epoch + 1}"')
    order(buyer, supply)
    three.regions.heal(US)
    assert designated(three, "us").standby == US
    clean(three)
    three.regions.kill(EUROPE)
    three.regions.promote(EUROPE)
    assert (record(three, "us").region, record(three, "us").epoch) == (US, before.epoch + 2)
    order(buyer, supply)
    three.regions.heal(EUROPE)
    assert designated(three, "us").standby == EUROPE
    clean(three)


def test_what_the_standby_lacks_is_undone_wholly(three: Stack, client: httpx.Client) -> None:
    """Killed within the lag: an acknowledged order is gone, none of it has left, and it is listed for a person."""
    source = designated(three, "as")
    assert source.region == ASIA  # only where a cell is at home it gets new users
    supply, buyer = sold_by(client, ASIA), buyer_near(client, ASIA)
    order(buyer, supply)
    before = until(lambda: buyer.balance("USDC"), lambda posted: posted == 1_000_000 - PRICE, 60)
    home = sites_of(three)[ASIA].database("order")
    three.regions.cut(ASIA, US)
    try:
        until(lambda: home.read(read_gate).flushed, lambda found: not found, 20, 0.1)
        lost = order(buyer, supply)
        assert not buyer.request("POST", "/v1/claims", {"order_id": lost}).is_success
        three.regions.kill(ASIA)
    finally:
        three.regions.uncut(ASIA, US)
    three.regions.promote(ASIA)
    gone = buyer.send_with_retries("GET", f"/v1/orders/{lost}")
    assert gone.status_code == httpx.codes.NOT_FOUND
    assert buyer.balance("USDC") == before
    three.regions.heal(ASIA)
    assert lost in (three.layout.logs / "lost-tail-as.log").read_text()
    designated(three, "as")
    clean(three)


def _burn() -> None:
    while True:
        pass


def test_no_lease_is_lost_at_full_cpu(three: Stack) -> None:
    """While more processes want the machine than it has cores, every keeper goes on renewing, under the same epoch."""
    cells = ("us", "eu", "as")
    before = {cell: record(three, cell) for cell in cells}
    spawn = multiprocessing.get_context("spawn")
    burners = [spawn.Process(target=_burn, daemon=True) for _ in range(BURNERS)]
    for each in burners:
        each.start()
    try:
        deadline, longest, seen = time.monotonic() + BUSY_SECONDS, dict.fromkeys(cells, 0.0), dict(before)
        changed = dict.fromkeys(cells, time.monotonic())
        while time.monotonic() < deadline:
            for cell in cells:
                found = record(three, cell)
                if found.renewal != seen[cell].renewal:
                    changed[cell], seen[cell] = time.monotonic(), found
                longest[cell] = max(longest[cell], time.monotonic() - changed[cell])
            time.sleep(0.1)
    finally:
        for each in burners:
            each.kill()
    assert {cell: seen[cell].epoch for cell in cells} == {cell: before[cell].epoch for cell in cells}
    assert max(longest.values()) < 4.5, longest
