"""Takes releases out by the same program as in the cloud, under load, and compares how each ends with how it should."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from time import sleep
from typing import Final

from cloudbuild.compatibility import released
from cloudbuild.compatibility.check import incompatible
from cloudbuild.compatibility.scratch import server
from cloudbuild.rollout.analysis import Thresholds, tail
from cloudbuild.rollout.local.edge import SplitEdge
from cloudbuild.rollout.local.faults import Fault
from cloudbuild.rollout.local.hosts import Hosts
from cloudbuild.rollout.local.load import Load
from cloudbuild.rollout.local.platform import LocalPlatform
from cloudbuild.rollout.local.served import AccessLog
from cloudbuild.rollout.program import Rollout, Settings
from cloudbuild.rollout.report import Outcome, Report
from cloudbuild.rollout.units import Group, Kind, Parts, Unit
from emulators.stack import secrets
from emulators.stack.binaries import valkey
from emulators.stack.environment import Layout
from emulators.stack.ports import HOST, Ports, events_host, functions_host
from emulators.stack.readiness import tcp_reply
from emulators.stack.sites import of_regions
from emulators.waiting import until
from shared.registry import load

REGION: Final = "us-central1"
PER_SECOND: Final = 120.0
SETTINGS: Final = Settings(
    settle_seconds=2.0,
    step_seconds=5.0,
    lag_seconds=1.0,
    poll_seconds=1.0,
    extensions=6,
    thresholds=Thresholds(least_requests=30),
)
STUCK_SECONDS: Final = 5.0
CANARY: Final = SETTINGS.steps[0]
UNIT: Final = Unit(REGION, Kind.FUNCTION, "functions", "all")
PARTS: Final = Parts((Group(REGION, "functions", (UNIT,)),), ())
CONTRACTED: Final = "-- Drops a column that the serving release writes.\nALTER TABLE orders DROP COLUMN stage;\n"


class WallClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        sleep(seconds)


@dataclass(frozen=True)
class Scenario:
    """A release, and how it has to end. `migration`: what it adds to the migrations of order."""

    name: str
    fault: Fault
    expected: Outcome
    migration: str = ""


SCENARIOS: Final = (
    Scenario("a good one", Fault.NONE, Outcome.RELEASED),
    Scenario("5 % errors", Fault.ERRORS, Outcome.ROLLED_BACK),
    Scenario("tripled latency", Fault.SLOW, Outcome.ROLLED_BACK),
    Scenario("crashes at start", Fault.CRASH, Outcome.ROLLED_BACK),
    Scenario("hangs", Fault.HANG, Outcome.ROLLED_BACK),
    Scenario("incompatible migration", Fault.NONE, Outcome.REFUSED, CONTRACTED),
)


@dataclass(frozen=True)
class Result:
    """How a release ended. requests, failed: of all users meanwhile. reached: how many requests went to green."""

    scenario: Scenario
    outcome: Outcome
    reason: str
    seconds: float
    requests: int
    reached: int
    failed: int
    watched: int
    deployed: int

    def faults(self) -> list[str]:
        """What is not as it should be."""
        found = [] if self.outcome is self.scenario.expected else [f"{self.outcome}, not {self.scenario.expected}"]
        if self.scenario.expected is not Outcome.ROLLED_BACK and self.failed:
            found.append(f"{self.failed} requests failed")
        if self.scenario.expected is Outcome.ROLLED_BACK:
            # The edge draws lots: a share of 5 % is hardly ever exactly that.
            for name, count in (("reached green", self.reached), ("failed", self.failed)):
                if tail(self.watched, count, CANARY / 100) < SETTINGS.thresholds.chance:
                    found.append(f"{count} of {self.watched} requests {name}")
        if self.scenario.expected is Outcome.REFUSED and self.deployed:
            found.append("it was deployed")
        return found


class Demo:
    """The hosts, the edge and the users of a demo."""

    def __init__(self, platform: LocalPlatform, users: Load, log: AccessLog, folder: Path) -> None:
        """folder: for checkouts of releases."""
        self._platform = platform
        self._users = users
        self._log = log
        self._folder = folder
        self._clock = WallClock()

    def play(self, number: int, scenario: Scenario, show: Callable[[str], None]) -> Result:
        """Take one release out."""
        image = f"meridian-{number}@{scenario.fault}"
        report = Report(image, show)
        before, start = self._platform.deployed, self._clock.now()
        root = self._checkout(number, scenario.migration) if scenario.migration else released.ROOT
        rollout = Rollout(self._platform, PARTS, SETTINGS, self._clock, report)
        outcome = rollout.release(image, lambda: why_not(root))
        # Requests that are on their way are counted too, when the edge has given them up and written them down.
        self._clock.sleep(STUCK_SECONDS if scenario.fault is Fault.HANG else 1.0)
        end = self._clock.now()
        on_trial = [entry.at for entry in report.entries if entry.what == f"{CANARY} %"]
        requests = self._users.between(start, end)
        window = self._log.between(on_trial[0] if on_trial else end, report.entries[-1].at)
        green = [
            each for each in self._log.between(start, end) if each.cluster.endswith(f"{number + 1:05}-{scenario.fault}")
        ]
        return Result(
            scenario,
            outcome,
            report.reason,
            (report.entries[-1].at - start) / timedelta(seconds=1),
            len(requests),
            len(green),
            sum(each.failed for each in requests),
            len(window),
            self._platform.deployed - before,
        )

    def _checkout(self, number: int, migration: str) -> Path:
        """The SQL of a release that adds a migration."""
        root = self._folder / f"release-{number}"
        for path in (path for part in released.FOLDERS for path in (released.ROOT / part).rglob("*.sql")):
            target = root / path.relative_to(released.ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        (root / "functions/order/sql/migrations/9999-next.sql").write_text(migration, encoding="utf-8")
        return root


@cache
def why_not(root: Path) -> list[str]:
    """Why the release of a checkout must not go out, as the release in the cloud asks."""
    with server() as connect:
        return list(incompatible(released.of_checkout(), connect, root))


@contextmanager
def demo() -> Iterator[Demo]:
    """Start everything; end it all, and leave nothing behind."""
    registry = load()
    with tempfile.TemporaryDirectory(prefix="meridian-rollout-") as name:
        folder = Path(name)
        names = ["edge", "edge-admin", "postgres", "valkey", "pubsub", "firestore"]
        ports = Ports([*names, functions_host(REGION), events_host(REGION)], free=True)
        layout = Layout(folder, ports.chosen, of_regions(registry.cells, (REGION,)), {})
        layout.logs.mkdir()
        secrets.ensure(layout.secrets, [name for name, service in registry.services.items() if service.database])
        hosts, edge = Hosts(layout), SplitEdge(registry, layout)
        platform = LocalPlatform(registry, hosts, edge)
        redis = _valkey(layout)
        try:
            until(tcp_reply(layout.ports["valkey"], b"PING\r\n", b"+PONG"), bool)
            platform.begin(f"meridian-0@{Fault.NONE}")
            with Load(registry, layout.ports["edge"], PER_SECOND) as users:
                yield Demo(platform, users, AccessLog(edge.log), folder)
        finally:
            edge.stop()
            hosts.stop_all()
            redis.kill()
            redis.wait()
            ports.release()


def _valkey(layout: Layout) -> subprocess.Popen[bytes]:
    options = ("--bind", HOST, "--port", str(layout.ports["valkey"]), "--save", "", "--appendonly", "no")
    return subprocess.Popen([str(valkey()), *options], cwd=layout.state, stdout=subprocess.DEVNULL)


def table(results: list[Result]) -> str:
    """The outcomes, as the README shows them."""
    head = ("release", "outcome", "seconds", "requests", "to green", "failed", "as it should", "why")
    rows = [
        (
            each.scenario.name,
            each.outcome.value,
            f"{each.seconds:.0f}",
            str(each.requests),
            str(each.reached),
            str(each.failed),
            "; ".join(each.faults()) or "yes",
            each.reason,
        )
        for each in results
    ]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]
    )
