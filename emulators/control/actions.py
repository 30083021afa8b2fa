"""What may be done to a running stack, and why something may not at the moment."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import msgspec

from emulators.control.jobs import Job, JobBars, JobProgress
from emulators.demo import report, sale
from emulators.demo.runner import sites_of
from emulators.stack.environment import Layout
from emulators.stack.regions.troubles import Troubles, pair
from emulators.stack.stack import Stack

OF_TWO: Final = ("cut", "uncut")


@dataclass(frozen=True)
class Choice:
    """Something that may be done to regions. reason: why it is not possible at the moment; empty if it is."""

    action: str
    regions: tuple[str, ...]
    reason: str = ""


def choices(layout: Layout, troubles: Troubles) -> list[Choice]:
    """Whatever may be done to the regions of a stack at some time."""
    one = [
        Choice(action, (region,), reason(layout, troubles, region))
        for region in layout.regions
        for action, reason in REASONS.items()
    ]
    two = []
    for first, second in combinations(layout.regions, 2):
        is_cut = pair(first, second) in troubles.cut
        two.append(Choice("cut", (first, second), "They are cut off from one another already." if is_cut else ""))
        two.append(Choice("uncut", (first, second), "" if is_cut else "There is a link between them."))
    return [*one, *two]


def _not_killed(_: Layout, troubles: Troubles, region: str) -> str:
    return f"{region} is down already." if region in troubles.killed else ""


def _not_healed(_: Layout, troubles: Troubles, region: str) -> str:
    return "" if region in troubles.killed else f"{region} is up."


def _not_promoted(layout: Layout, troubles: Troubles, region: str) -> str:
    if region not in troubles.killed:
        return f"{region} is up: only the cells of a dead region are promoted."
    served = [site for site in layout.serving(troubles.moved) if site.region == region]
    if not served:
        return f"No cell is served in {region} any more."
    standbys = [layout.other(site) for site in served]
    if any(standby is None or standby.region in troubles.killed for standby in standbys):
        return "A cell of it has no standby in another region that is up."
    return ""


REASONS: Final[Mapping[str, Callable[[Layout, Troubles, str], str]]] = {
    "kill": _not_killed,
    "heal": _not_healed,
    "promote": _not_promoted,
}
"""What may be done to one region, each with why it is not possible at the moment."""


def on_regions(stack: Stack, action: str, regions: Sequence[str]) -> Callable[[Job], Mapping[str, Any]]:
    """The job that does something to regions."""

    def act(job: Job) -> Mapping[str, Any]:
        of = Stack(stack.state, progress=JobProgress(job)).regions
        method: Callable[..., None] = getattr(of, action)
        method(*regions)
        return {}

    return act


def sell(stack: Stack, size: sale.Size) -> Callable[[Job], Mapping[str, Any]]:
    """The job that plays the demo's sale; its outcome is the report."""

    def act(job: Job) -> Mapping[str, Any]:
        with sale.connections(stack.edge_url, size.at_once) as client:
            result = sale.run(client, size, JobBars(job), stack.layout.regions)
            job.step, job.done, job.total = "read back", 0, 0
            figures = report.read_back(result, sites_of(stack))
        return {**msgspec.to_builtins(figures), "failures": figures.failures}

    return act
