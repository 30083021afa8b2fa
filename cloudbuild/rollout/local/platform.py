"""The platform on one machine: revisions are hosts, traffic is the edge's split, metrics are its access log.

It keeps to what Cloud Run keeps to: etags, a URL for the revision tagged green, revisions without traffic that go on
until they are no longer needed.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from cloudbuild.rollout.analysis import Sample
from cloudbuild.rollout.local.edge import SplitEdge
from cloudbuild.rollout.local.faults import Fault
from cloudbuild.rollout.local.hosts import Hosts
from cloudbuild.rollout.local.served import AccessLog
from cloudbuild.rollout.port import Absent, Conflict
from cloudbuild.rollout.probe import ask_function
from cloudbuild.rollout.traffic import BLUE, GREEN, Split, Target
from cloudbuild.rollout.units import Kind, Unit
from emulators.stack.ports import HOST
from shared.registry import Registry


def fault_of(image: str) -> Fault:
    """What an image of the demo has: its name ends with it, as in `meridian-3@errors`."""
    return Fault(image.rpartition("@")[2])


class LocalPlatform:
    """One unit, the functions host: all functions of a region, which move together anyway."""

    def __init__(self, registry: Registry, hosts: Hosts, edge: SplitEdge) -> None:
        """hosts, edge: what runs revisions, and what splits traffic between them."""
        self._registry = registry
        self._hosts = hosts
        self._edge = edge
        self._log = AccessLog(edge.log)
        self._split = Split((), {}, "0")
        self._count = 0
        self.deployed = 0
        """How many revisions were ever started."""

    def begin(self, image: str) -> None:
        """Start with one revision that has all traffic, as Terraform leaves it. Raises Failed."""
        revision = self._start(image)
        self._edge.start(self._hosts.ports, {revision: 100})
        self._split = Split((Target(revision, 100),), {revision: image}, "1")

    def split(self, unit: Unit) -> Split:
        """As Platform.split."""
        return self._split

    def deploy(self, unit: Unit, split: Split, image: str) -> None:
        """As Platform.deploy."""
        self._check(split)
        for revision in self._hosts.ports.keys() - {split.blue.revision}:
            self._hosts.stop(revision)
        green = self._start(image)
        self._apply((Target(split.blue.revision, 100, BLUE), Target(green, 0, GREEN)), {**split.images, green: image})

    def route(self, unit: Unit, split: Split, targets: Sequence[Target]) -> None:
        """As Platform.route."""
        self._check(split)
        self._apply(tuple(targets), split.images)

    def smoke(self, unit: Unit, split: Split) -> str:
        """Ask every function of the host, as Platform.smoke asks one."""
        for row in self._registry.http_rows():
            if row.environment is None and row.name not in READ_ONLY_IN_THE_CLOUD:
                function = Unit(unit.region, Kind.FUNCTION, row.name, row.name)
                if reason := ask_function(split.green_url, function, self._registry):
                    return f"{row.name}: {reason}"
        return ""

    def samples(self, units: Sequence[Unit], start: datetime, end: datetime) -> Mapping[tuple[Unit, str], Sample]:
        """As Platform.samples."""
        return {
            (unit, target.revision): self._log.sample(target.revision, start, end)
            for unit in units
            for target in self._split.targets
        }

    def image(self, pool: Unit) -> str:
        """There are no pools. Raises Absent."""
        raise Absent("there are no worker pools")

    def replace(self, pool: Unit, image: str) -> None:
        """There are no pools. Raises Absent."""
        raise Absent("there are no worker pools")

    def _start(self, image: str) -> str:
        self._count += 1
        self.deployed += 1
        revision = f"{self._count:05}-{fault_of(image)}"
        self._hosts.start(revision, fault_of(image))
        return revision

    def _check(self, split: Split) -> None:
        if split.etag != self._split.etag:
            raise Conflict(f"etag {split.etag} is not {self._split.etag}")

    def _apply(self, targets: tuple[Target, ...], images: Mapping[str, str]) -> None:
        self._edge.route(self._hosts.ports, {target.revision: target.percent for target in targets})
        url = next((f"http://{HOST}:{self._hosts.ports[each.revision]}" for each in targets if each.tag == GREEN), "")
        self._split = Split(targets, images, str(int(self._split.etag) + 1), url)


READ_ONLY_IN_THE_CLOUD = ("ready",)
"""Rows that report on databases, which the demo does not start."""
