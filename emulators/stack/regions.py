"""Regions of a running stack that die, come back, and are cut off from one another.

What is down and cut is kept in a file of the state folder, so that every command knows it.
"""

import contextlib
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from emulators.stack import lock
from emulators.stack.environment import Layout
from emulators.stack.errors import StackError
from emulators.stack.parts import links
from emulators.stack.progress import Progress
from emulators.stack.readiness import ReadinessWait
from emulators.stack.supervisor import Program, Supervisor

NAME: Final = "regions.json"

READY_SECONDS: Final = 90.0
"""How long a program of a healed region may take to be ready."""

DEAD_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Troubles:
    """What has been done to the regions. killed: those that are down. cut: pairs, each sorted, without a link."""

    killed: frozenset[str] = frozenset()
    cut: frozenset[tuple[str, str]] = frozenset()

    def unreachable(self, region: str) -> set[str]:
        """The regions that this one has no link to."""
        return {*self.killed, *(other for pair in self.cut if region in pair for other in pair if other != region)}


class Regions:
    """The regions of a running stack. Every method that changes something raises StackError for unknown regions."""

    def __init__(
        self, layout: Layout, supervisor: Supervisor, programs: Callable[..., dict[str, Program]], progress: Progress
    ) -> None:
        """
        programs: those of the stack by name; with `again`, ready only by what they log from now on.
        progress: is notified of what is waited for.
        """
        self._layout = layout
        self._supervisor = supervisor
        self._programs = programs
        self._progress = progress
        self._file = layout.state / NAME

    @property
    def troubles(self) -> Troubles:
        """What is down and cut."""
        return load(self._file)

    def kill(self, region: str) -> None:
        """Kill all processes of a region at once, stores included, and keep them down until `heal`."""
        with self._changing(region):
            before, names = self.troubles, self._names(region)
            processes = self._suspended(names)
            self._supervisor.stop(*names)  # or they would be started again
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            self._supervisor.until_stopped(names, DEAD_SECONDS)
            self._note(Troubles(before.killed | {region}, before.cut))

    def heal(self, region: str) -> None:
        """Start a killed region again with what its database servers held, and return when its edge is open."""
        with self._changing(region):
            before = self.troubles
            own = [program for program in self._programs(again=True).values() if program.region == region]
            wait = ReadinessWait(self._supervisor, self._layout.logs, self._progress)
            self._note(Troubles(before.killed - {region}, before.cut))
            for stage in sorted({program.stage for program in own}):
                started = [program for program in own if program.stage == stage]
                for program in started:
                    self._supervisor.start(program.name)
                wait.until_ready(started, READY_SECONDS)

    def cut(self, one: str, other: str) -> None:
        """Cut the link between two regions in both directions, until `uncut`."""
        with self._changing(one, other):
            before = self.troubles
            self._note(Troubles(before.killed, before.cut | {_pair(one, other)}))

    def uncut(self, one: str, other: str) -> None:
        """Restore the link between two regions."""
        with self._changing(one, other):
            before = self.troubles
            self._note(Troubles(before.killed, before.cut - {_pair(one, other)}))

    @contextlib.contextmanager
    def _changing(self, *regions: str) -> Iterator[None]:
        unknown = [region for region in regions if region not in self._layout.regions]
        if unknown or len(set(regions)) < len(regions):
            named = unknown[0] if unknown else f"{regions[0]} twice"
            raise StackError(f"The stack's regions are {', '.join(self._layout.regions)}, and not {named}.")
        with lock.held(self._layout.state):
            yield

    def _names(self, region: str) -> list[str]:
        return [program.name for program in self._programs().values() if program.region == region]

    def _suspended(self, names: Collection[str]) -> list[psutil.Process]:
        """The processes of programs, all suspended, so that none ends in order, and none sees that another has died."""
        parents = {each.pid for each in self._supervisor.processes() if each.name in names and each.pid}
        _suspend(parents)
        children = _descendants(parents)
        _suspend(children)
        return [process for pid in (*parents, *children) if (process := _process(pid))]

    def _note(self, troubles: Troubles) -> None:
        """Write down what is down and cut, and have every edge open and close its links accordingly."""
        kept = {"killed": sorted(troubles.killed), "cut": sorted(troubles.cut)}
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps(kept) + "\n", encoding="utf-8")
        partial.rename(self._file)
        for region in self._layout.regions if len(self._layout.regions) > 1 else ():
            links.write(self._layout, region, troubles.unreachable(region))


def load(file: Path) -> Troubles:
    """What a file says; no trouble if there is none."""
    if not file.exists():
        return Troubles()
    kept = json.loads(file.read_text(encoding="utf-8"))
    return Troubles(frozenset(kept["killed"]), frozenset(_pair(*pair) for pair in kept["cut"]))


def _pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)


def _descendants(pids: Collection[int]) -> list[int]:
    """The children of processes, and theirs. Reads the table of processes once, which takes long on a busy machine."""
    children = defaultdict(list)
    for process in psutil.process_iter(["ppid"]):
        children[process.info["ppid"]].append(process.pid)
    found, unseen = [], list(pids)
    while unseen:
        below = children[unseen.pop()]
        found += below
        unseen += below
    return found


def _suspend(pids: Iterable[int]) -> None:
    for pid in pids:
        if process := _process(pid):
            process.suspend()


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None  # it has ended by itself
