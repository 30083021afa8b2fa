"""Regions of a running stack that die, come back, and are cut off from one another."""

import contextlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

import psutil

from emulators.stack import lock
from emulators.stack.environment import Layout
from emulators.stack.errors import StackError
from emulators.stack.parts import links
from emulators.stack.progress import Progress
from emulators.stack.readiness import READY_SECONDS, ReadinessWait
from emulators.stack.regions import promotion, troubles
from emulators.stack.regions.standbys import Standbys
from emulators.stack.regions.troubles import Troubles, pair
from emulators.stack.sites import Site
from emulators.stack.supervisor import STOPPED, WARM, Program, Supervisor

DEAD_SECONDS: Final = 15.0

AFTER_OPENING: Final = ("workers-", "scheduler-", "events-", "topics-")
"""What is not started before its cell is open, by the beginning of its name: what works on its own once it is started.
Nor is what no user waits for, so that whatever answers users has the processors first.
"""


class Regions:
    """The regions of a running stack. Every method that changes something raises StackError for unknown regions."""

    def __init__(
        self,
        layout: Layout,
        supervisor: Supervisor,
        programs: Callable[..., dict[str, Program]],
        progress: Progress,
    ) -> None:
        """
        programs: those of the stack by name; with `again`, ready only by what they log from now on; with `moved`, where
        cells are in these regions.
        progress: is notified of what is waited for.
        """
        self._layout = layout
        self._supervisor = supervisor
        self._programs = programs
        self._progress = progress
        self._standbys = Standbys(layout, supervisor, self._wait)

    @property
    def troubles(self) -> Troubles:
        """What is down and cut."""
        return troubles.load(self._layout.state)

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
            self._note(replace(before, killed=before.killed | {region}))

    def heal(self, region: str) -> None:
        """Start a killed region again with what its database servers held, and return when its edge is open.

        The database server of a cell that was promoted meanwhile becomes the standby of the one that was. What it had
        and that one lacks is listed in the logs.
        """
        with self._changing(region):
            before = self.troubles
            made = self._programs(again=True)
            own = [program for program in made.values() if program.region == region and program.stage != WARM]
            self._standbys.check_reachable(region, before)
            self._note(replace(before, killed=before.killed - {region}))
            self._standbys.rebuild(region, before.moved, made)
            self._start(own)

    def promote(self, region: str) -> None:
        """Promote the cells of a dead region to where their designated standbys are, and start their processes there.

        Raises StackError if one cannot be: its lease is still renewed, its standby is not designated or is down.
        """
        with self._changing(region):
            served = [site for site in self._layout.serving(self.troubles.moved) if site.region == region]
            if not served:
                raise StackError(f"No cell is served in {region}.")
            self._promote([self._standbys.of(site, self.troubles) for site in served])

    def _promote(self, targets: Sequence[Site]) -> None:
        """Promote cells to these places. What serves them is warm, or starts now; it commits nothing before the end."""
        present, planned = self._programs(), self._programs(again=True, moved=self._moved(targets))
        added = [program for name, program in planned.items() if name not in present]
        waiting = {name for name, each in present.items() if each.stage == WARM}
        warm = [each for name, each in planned.items() if name in waiting and each.stage != WARM]
        early = [*warm, *(program for program in added if not program.name.startswith(AFTER_OPENING))]
        self._supervisor.exchange((), added)
        for program in early:
            self._supervisor.start(program.name)
        with self._progress.step("promotion"), ThreadPoolExecutor(len(targets)) as pool:
            jobs = {target: pool.submit(promotion.run, self._layout, target) for target in targets}
        moved = self._moved([target for target, job in jobs.items() if job.exception() is None])
        now = self._programs(moved=moved)
        self._forget([program.name for program in added if program.name not in now])
        self._note(replace(self.troubles, moved=moved))
        self._forget([name for name in present if name not in now])
        self._wait([program for program in early if program.name in now and now[program.name].stage != WARM])
        self._start([program for program in added if program.name in now and program not in early])
        for job in jobs.values():
            job.result()

    def warm_next(self) -> Program | None:
        """Start the next of what is to wait for a promotion, and does not run.

        None if all of it does, or another command is at work on the stack.
        """
        with lock.held_if_free(self._layout.state) as held:
            stopped = {process.name for process in self._supervisor.processes() if process.state == STOPPED}
            if not held or not stopped:
                return None
            cold = next((program for program in self.waiting() if program.name in stopped), None)
            if cold is not None:
                self._supervisor.start(cold.name)
            return cold

    def until_warm(self) -> None:
        """Wait until everything that waits for a promotion is ready. Raises StackError."""
        self._wait(self.waiting())

    def waiting(self) -> list[Program]:
        """What waits for a promotion, or will, in the regions that are alive."""
        killed = self.troubles.killed
        return [each for each in self._programs().values() if each.stage == WARM and each.region not in killed]

    def _moved(self, targets: Sequence[Site]) -> dict[str, str]:
        """Which cells are not at home once these are where they are promoted to."""
        moved = {**self.troubles.moved, **{target.cell: target.region for target in targets}}
        at_home = {site.cell: site.region for site in self._layout.sites}
        return {cell: region for cell, region in moved.items() if at_home[cell] != region}

    def _forget(self, names: Sequence[str]) -> None:
        """Stop programs, and have supervisord forget them."""
        self._supervisor.stop(*names)
        self._supervisor.until_stopped(names, DEAD_SECONDS)
        self._supervisor.exchange(names, ())

    def _start(self, programs: Sequence[Program]) -> None:
        """Start programs stage by stage, and wait until they are ready."""
        for stage in sorted({program.stage for program in programs}):
            started = [program for program in programs if program.stage == stage]
            for program in started:
                self._supervisor.start(program.name)
            self._wait(started)

    def _wait(self, programs: Sequence[Program]) -> None:
        wait = ReadinessWait(self._supervisor, self._layout.logs, self._progress)
        wait.until_ready(programs, READY_SECONDS)

    def cut(self, one: str, other: str) -> None:
        """Cut the link between two regions in both directions, until `uncut`."""
        with self._changing(one, other):
            before = self.troubles
            self._note(replace(before, cut=before.cut | {pair(one, other)}))

    def uncut(self, one: str, other: str) -> None:
        """Restore the link between two regions."""
        with self._changing(one, other):
            before = self.troubles
            self._note(replace(before, cut=before.cut - {pair(one, other)}))

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

    def _note(self, now: Troubles) -> None:
        """Write down what is down and cut, and have every edge open and close its links accordingly."""
        troubles.save(self._layout.state, now)
        for region in self._layout.regions if len(self._layout.regions) > 1 else ():
            links.write(self._layout, region, now)


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
