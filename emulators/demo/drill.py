"""The drill: three regions under load, one dies, its cell is promoted, and it comes back. Prints a report.

    make drill
    make drill ARGS=--standbys=synchronous

What is promised is measured from the moment of the death, and what must never happen is counted afterwards: units sold
beyond what there was, money lost or made, orders claimed twice; with synchronous standbys also what was acknowledged
and undone. The exit code is 1 if a promise was broken.
"""

import argparse
import sys
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
from rich.console import Console

from emulators.demo.api_user import ApiUser, fresh_key
from emulators.demo.drill_report import DrillFigures, show
from emulators.demo.report import audit, violations_of
from emulators.demo.runner import resources_of, sites_of
from emulators.demo.shoppers import FUNDS, NOT_FOUND, WITHDRAWN, Probe, Shopper, claiming, rename
from emulators.stack.environment import STANDBYS
from emulators.stack.errors import StackError
from emulators.stack.parts import contracts
from emulators.stack.parts.global_edge import CLIENT_REGION
from emulators.stack.stack import Stack
from emulators.waiting import until
from shared.cells.words import Standbys
from shared.chain.abi import decoded, encoded
from shared.client.python.meridian_client.meridian import PAID, UNPAID
from shared.registry import load
from shared.resources import Resources

REPORT: Final = "drill-report.json"
PRICE: Final = 1_000_000
BEFORE_SECONDS: Final = 15.0
AFTER_SECONDS: Final = 10.0
SETTLE_SECONDS: Final = 180.0
ARRIVE_SECONDS: Final = 60.0

KINDS: Final[Sequence[Standbys]] = ("asynchronous", "synchronous")

REDEEMED_AT_ONCE: Final = {"CLAIM_REDEEM_AFTER_SECONDS": "0"}


@dataclass(frozen=True)
class DrillSize:
    """How large a drill is. shoppers: in each region. units: of each supply, of which every cell but one has one."""

    shoppers: int = 2
    units: int = 60


class Drill:
    """One drill on a running stack of three regions."""

    def __init__(self, stack: Stack, region: str, client: httpx.Client, size: DrillSize) -> None:
        """region: the one that dies. client: connections to the global edge."""
        self._stack = stack
        self._region = region
        self._client = client
        self._size = size
        self._stop = threading.Event()
        self._killed_at = 0.0
        self.figures = DrillFigures(region, resources_of(stack).settings.standbys)

    def run(self) -> DrillFigures:
        """Begin the load, kill the region, promote its cells, heal it, and count. Raises StackError, TimeoutError.

        It begins once all that a running stack has is there: designated standbys, and what is warm for a promotion.
        """
        self._until_designated()
        self._stack.regions.until_warm()
        supplies = [self._put_up(region) for region in self._stack.layout.regions]
        shoppers = [Shopper(self._person(near), supplies, self._stop) for near in self._everywhere]
        for shopper in shoppers:
            shopper.fund()
        regions = self._stack.layout.regions
        probes = {region: Probe(self._person(region), rename, self._stop) for region in regions}
        claimants = [self._claimant(region, supplies) for region in regions if region != self._region]
        threads = [*shoppers, *probes.values(), *claimants]
        for thread in threads:
            thread.start()
        try:
            time.sleep(BEFORE_SECONDS)  # the load before the death
            killed_at = self._fail_over(probes)
            time.sleep(AFTER_SECONDS)
            self.figures.elsewhere = _last_failure(
                [probes[each] for each in regions if each != self._region], killed_at
            )
            self.figures.vouchers_elsewhere = _last_failure(claimants, killed_at)
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()
        self._stack.regions.heal(self._region)
        self._until_designated()
        self._count(shoppers, supplies)
        return self.figures

    @property
    def _everywhere(self) -> list[str]:
        return [region for region in self._stack.layout.regions for _ in range(self._size.shoppers)]

    def _person(self, near: str) -> ApiUser:
        return ApiUser(self._client, near=near).sign_in_with_retries()

    def _put_up(self, near: str) -> str:
        terms = {"title": f"Sold near {near}", "currency": "USDC", "unit_price": str(PRICE), "status": "active"}
        body = {**terms, "quantity": self._size.units}
        return str(self._person(near).post("/v1/supplies", body, key=fresh_key())["id"])

    def _until_designated(self) -> None:
        """Wait until each cell has a designated standby."""
        records = resources_of(self._stack).cell_records()
        for site in self._stack.served:
            until(partial(records.read, site.cell), lambda record: bool(record.standby), SETTLE_SECONDS)

    def _claimant(self, near: str, supplies: Sequence[str]) -> Probe:
        """Somebody near a region who has a voucher, and asks for it again and again."""
        user = self._person(near)
        buyer = Shopper(user, supplies, self._stop)
        buyer.fund()
        order_id = until(partial(buyer.buy, supplies[0]), bool, SETTLE_SECONDS, 0.5)
        return Probe(user, claiming(order_id), self._stop)

    def _fail_over(self, probes: Mapping[str, Probe]) -> float:
        """Kill the region, and promote its cells once its users are served elsewhere. Returns when it was killed."""
        killed_at = self._killed_at = time.monotonic()
        self._stack.regions.kill(self._region)
        until(self._served_by, lambda found: found not in ("", self._region), SETTLE_SECONDS, 0.05)
        self.figures.detected = time.monotonic() - killed_at
        self._stack.regions.promote(self._region)
        own = probes[self._region]
        dead_at = max((at for at, good in list(own.answers) if not good), default=killed_at)
        back_at = until(lambda: own.first_success(dead_at), bool, SETTLE_SECONDS)
        self.figures.promoted = (back_at or 0.0) - killed_at
        return killed_at

    def _served_by(self) -> str:
        """Which region serves somebody near the dead one; empty while none does."""
        try:
            answer = self._client.get("/health", headers={CLIENT_REGION: self._region})
        except httpx.HTTPError:
            return ""
        return answer.headers["X-Served-By"] if answer.is_success else ""

    def _count(self, shoppers: Sequence[Shopper], supplies: Sequence[str]) -> None:
        """Compare what was acknowledged with what there is, and audit every cell."""
        found = self.figures
        sold = dict.fromkeys(supplies, 0)
        chain = resources_of(self._stack).chain(contracts.CHAIN_ID)
        for shopper in shoppers:
            paid = self._count_orders(shopper, sold)
            mined = self._count_withdrawals(shopper)
            kept = FUNDS - paid * PRICE - mined * WITHDRAWN
            arrived = decoded(["uint256"], chain.call(encoded("balanceOf(address)", shopper.to), contracts.USDC))[0]
            found.money_lost += abs(kept - shopper.user.balance("USDC")) + abs(arrived - mined * WITHDRAWN)
        found.oversold = sum(max(0, units - self._size.units) for units in sold.values())
        found.lost_events = sum(_events_in(log) for log in self._stack.layout.logs.glob("lost-tail-*.log"))
        for name, parts in sites_of(self._stack).items():
            found.violations += [f"{name}: {line}" for line in _settled_violations(parts)]

    def _count_orders(self, shopper: Shopper, sold: dict[str, int]) -> int:
        """Count a shopper's orders; returns how many of them are paid."""
        paid = 0
        self.figures.orders += len(shopper.seen.orders)
        for order_id, at in shopper.seen.orders.items():
            order = self._settled(shopper.user, f"/v1/orders/{order_id}", UNPAID)
            if order is None:
                self._lost("lost_orders", at)
            elif order["status"] in PAID:
                paid += 1
                sold[order["items"][0]["supply_id"]] += 1
                shopper.claim(order_id)
        self.figures.vouchers += len(shopper.seen.vouchers)
        self.figures.double_claims += sum(len(each) - 1 for each in shopper.seen.vouchers.values())
        return paid

    def _count_withdrawals(self, shopper: Shopper) -> int:
        """Count a shopper's withdrawals; returns how many of them have left."""
        mined = 0
        self.figures.withdrawals += len(shopper.seen.withdrawals)
        for withdrawal_id, at in shopper.seen.withdrawals.items():
            path = f"/v1/withdrawals/{withdrawal_id}"
            withdrawal = self._settled(shopper.user, path, frozenset({"requested", "sent"}))
            if withdrawal is None:
                self._lost("lost_withdrawals", at)
            else:
                mined += withdrawal["status"] == "mined"
        return mined

    def _settled(self, user: ApiUser, path: str, unsettled: Collection[str]) -> dict[str, Any] | None:
        """A resource in its last state; None if it is no more. Raises TimeoutError."""
        answer = until(
            lambda: user.send_with_retries("GET", path),
            lambda seen: seen.status_code == NOT_FOUND or seen.json()["status"] not in unsettled,
            SETTLE_SECONDS,
        )
        return None if answer.status_code == NOT_FOUND else dict(answer.json())

    def _lost(self, kind: str, at: float) -> None:
        setattr(self.figures, kind, getattr(self.figures, kind) + 1)
        self.figures.lost_seconds = max(self.figures.lost_seconds, self._killed_at - at)


def _last_failure(probes: Sequence[Probe], since: float) -> float:
    """How many seconds after a time one of these failed last; 0 if none did."""
    failures = [probe.last_failure(since) for probe in probes]
    return max((at - since for at in failures if at is not None), default=0.0)


def _events_in(log: Path) -> int:
    return sum(line.startswith("{") for line in log.read_text(encoding="utf-8").splitlines())


def _settled_violations(parts: Resources) -> list[str]:
    """The violations of a cell, once what is under way has arrived, or does not."""
    try:
        return until(lambda: violations_of(audit(parts)), lambda lines: not lines, ARRIVE_SECONDS, 2.0)
    except TimeoutError:
        return violations_of(audit(parts))


def run(stack: Stack, console: Console, size: DrillSize | None = None) -> DrillFigures:
    """Run the drill on a running stack of three regions: the last one dies."""
    limits = httpx.Limits(max_connections=64)
    with httpx.Client(base_url=stack.edge_url, timeout=30, limits=limits) as client:
        figures = Drill(stack, stack.layout.regions[-1], client, size or DrillSize()).run()
    show(figures, console, stack.state / REPORT)
    return figures


def main() -> int:
    """Run the drill on a stack of its own."""
    parser = argparse.ArgumentParser(prog="emulators.demo.drill", description="Kill a region under load, and promote.")
    parser.add_argument("--state", type=Path, default=Path(".local"), help="the state folder (default: .local)")
    parser.add_argument("--shoppers", type=int, default=DrillSize.shoppers, metavar="N", help="in each region")
    parser.add_argument("--ports-from", type=int, metavar="N", help="the edge listens on N, everything else from N+1")
    parser.add_argument("--standbys", choices=KINDS, default=KINDS[0], help="the standbys' kind (default: %(default)s)")
    given = parser.parse_args()
    console = Console()
    regions = load().regions
    overrides = {**REDEEMED_AT_ONCE, STANDBYS: given.standbys}
    try:
        with Stack(given.state, first_port=given.ports_from, regions=regions, overrides=overrides) as stack:
            return 1 if run(stack, console, DrillSize(given.shoppers)).broken else 0
    except (StackError, TimeoutError, httpx.HTTPError) as error:
        console.print(f"The drill could not go on: {error}", highlight=False)
        return 1


if __name__ == "__main__":
    sys.exit(main())
