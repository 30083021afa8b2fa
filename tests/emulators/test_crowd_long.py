"""3,000 buyers in three regions want 300 units, and all links are cut in the middle: never too many, in the end all."""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from emulators.demo import sale
from emulators.demo.api_user import ApiUser, fresh_key
from emulators.demo.report import audit, violations_of
from emulators.demo.runner import sites_of
from emulators.stack.stack import Stack
from emulators.waiting import until
from shared.resources import Resources
from tests.emulators.conftest import THREE

BUYERS: Final = 3000
UNITS: Final = 300
AT_ONCE: Final = 24
PRICE: Final = 1_000_000
PATIENT_SECONDS: Final = 600.0

EARLY: Final = (30, 300, 300)
"""How many buyers of each region order before the links are cut: fewer than its share, and more than that."""

MEANWHILE: Final = (20, 400, 400)
"""How many of each do while they are cut: us keeps units that the others lack."""

CONFIRMED: Final = """
    SELECT user_id, count(*) AS orders FROM orders
    WHERE status NOT IN ('pending', 'failed', 'cancelled', 'expired')
      AND items @> jsonb_build_array(jsonb_build_object('supply_id', :supply_id::text)) GROUP BY user_id"""

UNDECIDED: Final = "SELECT count(*) AS orders FROM orders WHERE status IN ('pending', 'confirmed')"

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600), pytest.mark.alone]


class Shop:
    """A supply, and what its cells have confirmed of it."""

    def __init__(self, sites: Sequence[Resources], supply_id: str) -> None:
        self.supply_id = supply_id
        self._sites = sites

    def confirmed(self) -> dict[str, int]:
        """Confirmed units by user; the sums of cells are read one after the other, and only grow."""
        found: dict[str, int] = {}
        for resources in self._sites:
            with resources.database("order").transaction() as reading:
                rows = reading.run(CONFIRMED, {"supply_id": self.supply_id})
            found |= {str(row["user_id"]): int(row["orders"]) for row in rows}
        return found

    def undecided(self) -> int:
        """Orders that are under way in any cell."""
        count = 0
        for resources in self._sites:
            with resources.database("order").transaction() as reading:
                count += sum(int(row["orders"]) for row in reading.run(UNDECIDED, {}))
        return count

    def buy(self, buyer: ApiUser) -> str:
        """Order a unit, with retries; returns `confirmed`, or the code of the refusal."""
        body = {"wallet_id": buyer.wallet_id, "items": [{"supply_id": self.supply_id, "quantity": 1}]}
        answer = buyer.send_with_retries("POST", "/v1/orders", body, key=fresh_key())
        assert answer.status_code in (201, 409), answer.text
        return "confirmed" if answer.status_code == 201 else str(answer.json()["code"])


def arrive(buyer: ApiUser) -> ApiUser:
    """Sign in, and get money for two units."""
    buyer.sign_in_with_retries()
    body = {"wallet_id": buyer.wallet_id, "currency": "USDC", "amount": str(2 * PRICE)}
    until(lambda: buyer.request("POST", "/v1/local/faucet", body).status_code, lambda status: status == 201, 150)
    return buyer


def mixed(crowd: Sequence[Iterator[ApiUser]], counts: Sequence[int]) -> list[ApiUser]:
    """So many of the next buyers of each region, in turns as long as there are any."""
    groups = [list(itertools.islice(buyers, count)) for buyers, count in zip(crowd, counts, strict=True)]
    return [buyer for turn in itertools.zip_longest(*groups) for buyer in turn if buyer is not None]


@pytest.fixture
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack of three regions."""
    with Stack(tmp_path_factory.mktemp("crowd"), free_ports=True, regions=THREE) as running:
        yield running


@pytest.fixture
def everybody(three: Stack) -> Iterator[Callable[[Callable[[ApiUser], object], Sequence[ApiUser]], list[object]]]:
    """Has buyers do something, so many at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield lambda act, buyers: list(pool.map(act, buyers))


def test_a_crowd_that_is_cut_off_gets_every_unit_once(
    three: Stack, everybody: Callable[[Callable[[ApiUser], object], Sequence[ApiUser]], list[object]]
) -> None:
    """Links are cut while everybody orders, and healed later: each cell sells what it has, then all get the rest."""
    sites = list(sites_of(three).values())
    with sale.connections(three.edge_url, AT_ONCE) as client:
        merchant = ApiUser(client, near=THREE[0]).sign_in_with_retries()
        terms = {"title": "Crowd", "currency": "USDC", "unit_price": str(PRICE), "quantity": UNITS, "per_user_limit": 1}
        shop = Shop(sites, merchant.post("/v1/supplies", {**terms, "status": "active"}, key=fresh_key())["id"])
        buyers = [ApiUser(client, near=THREE[n % len(THREE)]) for n in range(BUYERS)]
        everybody(arrive, buyers)
        path = f"/v1/supplies/{shop.supply_id}/eligibility"
        for buyer in buyers[: len(THREE)]:  # each cell has heard of it
            until(lambda buyer=buyer: buyer.request("GET", path).status_code, lambda status: status == 200, 60)  # type: ignore[misc]
        crowd = [iter(buyers[n :: len(THREE)]) for n in range(len(THREE))]

        cutting = threading.Timer(3.0, cut_all, [three])  # in the middle of the rush
        cutting.start()
        seen = everybody(shop.buy, mixed(crowd, EARLY))
        cutting.join()
        try:
            seen += everybody(shop.buy, mixed(crowd, MEANWHILE))
            alone = sum(shop.confirmed().values())
            assert seen.count("confirmed") == alone < UNITS  # the units of us are out of the others' reach
        finally:
            for one, other in itertools.combinations(THREE, 2):
                three.regions.uncut(one, other)

        refused = [buyer for buyer in buyers if shop.confirmed().get(buyer.user_id) is None]
        insist(shop, refused, everybody)
        until(shop.undecided, lambda count: count == 0, PATIENT_SECONDS, 1.0)
        assert sum(shop.confirmed().values()) == UNITS
        assert set(shop.confirmed().values()) == {1}
        again = [buyer for buyer in buyers if buyer.user_id in shop.confirmed()][:AT_ONCE]
        assert set(everybody(shop.buy, again)) <= {"USER_LIMIT", "SOLD_OUT"}
        merchant.wait_for(f"/v1/supplies/{shop.supply_id}", "status", "sold_out", within_seconds=PATIENT_SECONDS)
        assert merchant.get(f"/v1/supplies/{shop.supply_id}")["sold"] == UNITS
        assert sum(shop.confirmed().values()) == UNITS
    for resources in sites:
        assert until(lambda own=resources: violations_of(audit(own)), lambda found: not found, 120, 5.0) == []  # type: ignore[misc]


def cut_all(stack: Stack) -> None:
    """Cut every link between two regions."""
    for one, other in itertools.combinations(THREE, 2):
        stack.regions.cut(one, other)


def insist(
    shop: Shop,
    buyers: Sequence[ApiUser],
    everybody: Callable[[Callable[[ApiUser], object], Sequence[ApiUser]], list[object]],
) -> None:
    """Have buyers order again, crowd after crowd, until every unit is confirmed. Raises TimeoutError."""
    turns = itertools.cycle(buyers)

    def one_more_crowd() -> int:
        bought = shop.confirmed()
        crowd = [buyer for buyer in itertools.islice(turns, 4 * AT_ONCE) if buyer.user_id not in bought]
        everybody(shop.buy, crowd)
        left = UNITS - sum(shop.confirmed().values())
        assert left >= 0
        return left

    until(one_more_crowd, lambda left: left == 0, PATIENT_SECONDS)
