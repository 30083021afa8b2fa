"""A cloud with two regions of a small Meridian, and a rollout of it, on time that passes when somebody waits."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest
from google.api_core import exceptions, retry
from google.api_core.future.polling import DEFAULT_POLLING

from cloudbuild.rollout.analysis import Thresholds
from cloudbuild.rollout.cloud_run import Clients, CloudRun
from cloudbuild.rollout.port import Platform
from cloudbuild.rollout.program import Rollout, Settings
from cloudbuild.rollout.report import Report
from cloudbuild.rollout.throttle import Throttle
from cloudbuild.rollout.units import Group, Kind, Parts, Unit
from tests.cloudbuild.clock import TestClock
from tests.cloudbuild.google_run import PROJECT, FakeGoogle, serving

NEW = "repository/meridian@sha256:new"
REGIONS = ("europe-west1", "us-central1")
FUNCTIONS = ("create-order", "get-order", "grant-roles")
SETTINGS = Settings(parallel=3, poll_seconds=120.0, thresholds=Thresholds(least_requests=50))
SHORTLY = {"initial": 0.001, "maximum": 0.01}


def small() -> Parts:
    """Two regions with an RPC host, three functions and a relay each."""
    groups = []
    for region in REGIONS:
        groups.append(Group(region, "RPC hosts", (Unit(region, Kind.RPC, "rpc-wallet", "wallet"),)))
        functions = tuple(Unit(region, Kind.FUNCTION, name, name.replace("-", "_")) for name in FUNCTIONS)
        groups.append(Group(region, "functions", functions))
    return Parts(tuple(groups), tuple(Unit(region, Kind.POOL, "relay-wallet", "wallet") for region in REGIONS))


@dataclass
class Scene:
    """A fake cloud, and what a test does with it."""

    google: FakeGoogle
    clients: Clients
    parts: Parts = field(default_factory=small)
    settings: Settings = SETTINGS

    @property
    def platform(self) -> CloudRun:
        """A new process's platform."""
        quickly = retry.Retry(
            predicate=retry.if_exception_type(exceptions.ResourceExhausted, exceptions.ServiceUnavailable),
            initial=SHORTLY["initial"],
            maximum=SHORTLY["maximum"],
            timeout=5.0,
        )
        polling = DEFAULT_POLLING.with_delay(**SHORTLY).with_timeout(5.0)
        return CloudRun(PROJECT, self.clients, self.google.ask, Throttle(1e6), quickly, polling)

    def rollout(self, wrapped: Callable[[Platform], Platform] = lambda platform: platform) -> tuple[Rollout, Report]:
        """A rollout in a new process, which knows nothing of earlier ones."""
        report = Report(NEW)
        return Rollout(wrapped(self.platform), self.parts, self.settings, self.google.clock, report), report

    def with_settings(self, **changes: object) -> None:
        self.settings = replace(self.settings, **changes)  # type: ignore[arg-type]

    def serving(self) -> set[tuple[str, int, str]]:
        """Image, percent and tag of whatever has traffic, over all units, and the images of pools."""
        found = set()
        for unit in self.parts.units:
            split = self.platform.split(unit)
            found |= {
                (split.images[target.revision], target.percent, target.tag)
                for target in split.targets
                if target.percent
            }
        return found | {(self.platform.image(pool), 0, "pool") for pool in self.parts.pools}


@pytest.fixture
def scene() -> Iterator[Scene]:
    """The cloud as Terraform has left it: every unit on the old image, nothing tagged."""
    google = FakeGoogle(TestClock())
    with serving(google) as clients:
        made = Scene(google, clients)
        for unit in (*made.parts.units, *made.parts.pools):
            google.add(unit)
        google.writes.clear()
        yield made
