"""One local stack: starts, stops and inspects it, as in `with Stack(state=folder, free_ports=True) as stack: ...`."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

from emulators.stack import binaries, environment, lock, orphans, programs, secrets, sites, state_file
from emulators.stack.environment import Layout
from emulators.stack.errors import NotReady, StackError
from emulators.stack.launcher import Launcher
from emulators.stack.logs import last_line
from emulators.stack.parts import edges, observe, postgres
from emulators.stack.ports import Ports
from emulators.stack.progress import Progress
from emulators.stack.readiness import READY_SECONDS, ReadinessWait
from emulators.stack.regions import troubles
from emulators.stack.regions.control import Regions
from emulators.stack.state_file import StackState
from emulators.stack.supervisor import Process, Program, Supervisor
from shared.registry import load

STOP_SECONDS: Final = 12.0
"""How long to wait for programs to stop; supervisord kills them before that."""

POLL_SECONDS: Final = 0.1

REGIONS: Final = ("us-central1",)

STORES: Final = ("postgres", programs.REPLICA, "valkey", "pubsub", "kafka", "firestore", "chain")
"""The stores, by the first word of their programs' names."""

CLEARED: Final = (
    *("postgres", "logs", "traces", "edge*.json", "links-*.json", "chain.json", "supervisord.conf", "supervisord.pid"),
    *("prometheus*", "alertmanager*", troubles.NAME, state_file.NAME),
)
"""What `up` writes to the state folder, and the next `up` removes. Secrets stay until `reset`."""


class Stack:
    """The stack of a state folder, whichever process has started it."""

    def __init__(
        self,
        state: Path = Path(".local"),
        *,
        free_ports: bool = False,
        first_port: int | None = None,
        regions: Sequence[str] = REGIONS,
        overrides: Mapping[str, str] | None = None,
        replica: bool = False,
        observed: bool = False,
        controlled: bool = False,
        detached: bool = False,
        stores_only: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """
        state: the folder of its files, which identifies it.
        free_ports: choose every port at random, so that it never collides with another stack.
        first_port: the port of the edge, the other programs' following it; None for the table of ports.py.
        regions: the regions that `up` starts, the primary first.
        overrides: settings of Meridian's processes, before the caller's environment (environment.SETTABLE).
        replica, observed, controlled: whether to start a standby, Prometheus and Alertmanager, the console's endpoint.
        detached: whether it outlives the process that calls `up`; otherwise it stops when that is killed.
        stores_only: leave out Meridian's processes, for whoever runs them in another way.
        progress: is notified of what a start waits for.
        """
        self.state = state.absolute()
        self._free_ports, self._first_port, self._regions = free_ports, first_port, tuple(regions)
        self._overrides = {**environment.caller_overrides(), **(overrides or {})}
        self._wanted = {"with_replica": replica, "observed": observed, "controlled": controlled}
        self._owner = None if detached else os.getpid()
        self._stores_only, self._progress = stores_only, progress or Progress()
        self._supervisord: subprocess.Popen[bytes] | None = None
        self._programs: dict[str, Program] = {}

    @property
    def layout(self) -> Layout:
        """Its ports, folders and regions. Raises StackError when it is not up."""
        recorded = state_file.load(self.state)
        if recorded is None:
            raise StackError(f"No stack is up in {self.state}: start one with `python -m emulators up`.")
        return recorded.layout(self.state)

    @property
    def edge_url(self) -> str:
        """Where clients reach it, without a slash at the end. Raises as layout does."""
        return self.layout.edge_url

    @property
    def ports(self) -> Mapping[str, int]:
        """The port of each program by name: edge, postgres, functions-us-central1, ... Raises as layout does."""
        return self.layout.ports

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a Meridian process at its first site. Raises as layout does."""
        return self.environments[0]

    @property
    def served(self) -> tuple[sites.Site, ...]:
        """Where its cells are served at present. Raises as layout does."""
        return self.layout.serving(troubles.load(self.state).moved)

    @property
    def environments(self) -> list[dict[str, str]]:
        """The environment of a Meridian process where each of its cells is served. Raises as layout does."""
        return [environment.for_site(self.layout, site) for site in self.served]

    @property
    def regions(self) -> Regions:
        """Its regions, to kill, heal and cut off. Raises as layout does."""
        return Regions(self.layout, self._supervisor(), self._known_programs, self._progress)

    def is_up(self) -> bool:
        """Whether its supervisord answers."""
        return state_file.load(self.state) is not None and self._supervisor().answers()

    def status(self) -> list[Process]:
        """Its processes; none when it is not up."""
        return self._supervisor().processes() if self.is_up() else []

    def __enter__(self) -> Self:
        return self.up()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def up(self) -> Self:
        """Start it with empty stores, and return when clients can use it; a failed start is rolled back completely.

        Raises StackError: a dependency is missing, a program does not start, or the stack is up already.
        """
        self.state.mkdir(parents=True, exist_ok=True)
        with lock.held(self.state):
            self._refuse_second()
            self._end()
            self._remove(CLEARED)
            try:
                self._start()
            except BaseException:
                self._end()
                raise
        return self

    def down(self) -> None:
        """Stop every process of it, and remove the data of its stores. Raises StackError."""
        if self.state.exists():
            with lock.held(self.state):
                self._end()

    def _end(self) -> None:
        recorded = state_file.load(self.state)
        if recorded and self.is_up():
            self._stop_in_order()
        data = Path(recorded.data) if recorded else self.state / "postgres"
        orphans.terminate(self.state, [data])
        shutil.rmtree(data, ignore_errors=True)
        self._remove(("postgres", state_file.NAME))
        if self._supervisord:
            self._supervisord.wait()
            self._supervisord = None

    def reset(self) -> None:
        """Stop it and remove every file it has written, including its secrets."""
        self.down()
        self._remove((*CLEARED, "secrets", lock.NAME))
        with contextlib.suppress(OSError):  # other files in the folder stay
            self.state.rmdir()

    def wait(self) -> None:
        """Wait until supervisord exits. Only for the process that started the stack."""
        if self._supervisord:
            self._supervisord.wait()

    def kill(self, name: str) -> None:
        """Kill a process with SIGKILL; supervisord restarts it. Raises StackError when it is not running."""
        process = self._supervisor().process(name)
        if not process.pid:
            raise StackError(f"{name} is not running, it is {process.state}.")
        os.kill(process.pid, signal.SIGKILL)

    def pause(self, name: str, *, resume: bool = False) -> None:
        """Suspend a process and its children, so that it keeps its connections and hangs; or resume them."""
        process = psutil.Process(self._supervisor().process(name).pid)
        for each in (process, *process.children(recursive=True)):
            each.resume() if resume else each.suspend()

    def stop(self, name: str) -> None:
        """Stop a process, and keep it down until `start`."""
        supervisor = self._supervisor()
        supervisor.stop(name)
        supervisor.until_stopped([name], STOP_SECONDS)

    def start(self, name: str) -> None:
        """Start a stopped process, and wait until it is ready. Raises StackError."""
        self._supervisor().start(name)
        self.until_ready(name)

    def until_ready(self, *names: str) -> None:
        """Wait until processes are ready. Raises StackError."""
        if not self._programs:
            self._programs = self._known_programs()
        wait = ReadinessWait(self._supervisor(), self.layout.logs, self._progress)
        wait.until_ready([self._programs[name] for name in names], READY_SECONDS)

    def _start(self) -> None:
        registry = load()
        event_bus = self._overrides.get(environment.EVENT_BUS, environment.PUBSUB)
        found = binaries.find(event_bus)
        served = sites.of_regions(registry.cells, self._regions)
        chosen = {"with_chain": found.anvil is not None, **self._wanted}
        with_standbys = self._overrides.get(environment.STANDBYS) != environment.NO_STANDBYS
        names = programs.listening_programs(registry, served, event_bus, with_standbys=with_standbys, **chosen)
        ports = Ports(names, first=self._first_port, free=self._free_ports)
        for name, preferred in ports.moved.items():
            self._progress.note(f"Port {preferred} is taken: {name} listens on {ports.chosen[name]} instead.")
        layout = Layout(self.state, ports.chosen, served, self._overrides)
        secrets.ensure(layout.secrets, [n for n, each in registry.services.items() if each.database], *layout.apart)
        for folder in (layout.logs, layout.traces):
            folder.mkdir(exist_ok=True)
        cluster = postgres.prepare(found.postgres, self.state, postgres.account())
        recorded = StackState.of(layout, cluster.folder)
        recorded.save(self.state)
        edges.configure(registry, layout)
        observe.configure(layout)
        listed = programs.for_stack(registry, layout, found, cluster, self._owner)
        self._programs = {n: each for n, each in listed.items() if not self._stores_only or programs.is_store(each)}
        supervisor, supervisord = self._launch()
        replace(recorded, supervisor=supervisord).save(self.state)
        Launcher(registry, layout, cluster, self._programs, supervisor, self._progress).run()
        replace(recorded, supervisor=supervisord, ready=True).save(self.state)
        ports.release()

    def _known_programs(self, *, again: bool = False, moved: Mapping[str, str] | None = None) -> dict[str, Program]:
        """The programs of a stack that another process has started. again, moved: as in programs.for_stack."""
        layout, recorded = self.layout, state_file.load(self.state)
        found = binaries.find(layout.event_bus)
        cluster = postgres.prepared(found.postgres, Path(recorded.data) if recorded else self.state, postgres.account())
        moved = troubles.load(self.state).moved if moved is None else moved
        return programs.for_stack(load(), layout, found, cluster, None, again=again, moved=moved)

    def _launch(self) -> tuple[Supervisor, int]:
        supervisor = self._supervisor()
        supervisor.configure(self._programs.values())
        self._supervisord = supervisor.launch(environment.base(self.state))
        deadline = time.monotonic() + STOP_SECONDS
        while not supervisor.answers():
            if self._supervisord.poll() is not None or time.monotonic() > deadline:
                raise NotReady(f"supervisord does not start: «{last_line(supervisor.output)}».")
            time.sleep(POLL_SECONDS)
        return supervisor, self._supervisord.pid

    def _supervisor(self) -> Supervisor:
        try:
            password = secrets.read(self.state / "secrets", "supervisor.password")
        except FileNotFoundError:
            password = ""
        return Supervisor(self.state, self.layout.ports["supervisor"], password)

    def _stop_in_order(self) -> None:
        """Stop Meridian's processes first, so that they finish their work; then the stores; then supervisord."""
        supervisor = self._supervisor()
        try:
            names = [process.name for process in supervisor.processes()]
            stores = [name for name in names if name.partition("-")[0] in STORES]
            for stage in ([name for name in names if name not in stores], stores):
                supervisor.stop(*stage)
                supervisor.until_stopped(stage, STOP_SECONDS)
            supervisor.shut_down()
            recorded = state_file.load(self.state)
            if recorded and recorded.supervisor:
                psutil.Process(recorded.supervisor).wait(STOP_SECONDS)
        except (OSError, StackError, psutil.Error) as error:
            # What is left is killed as orphans next.
            self._progress.note(f"The stack did not stop in order ({error}): its processes are killed one by one.")

    def _refuse_second(self) -> None:
        recorded = state_file.load(self.state)
        if recorded and (recorded.ready or psutil.pid_exists(recorded.owner)) and self.is_up():
            raise StackError(
                f"The stack in {self.state} is up already at {self.edge_url}: use it,"
                " or stop it first with `python -m emulators down`."
            )

    def _remove(self, names: Sequence[str]) -> None:
        for path in [path for name in names for path in self.state.glob(name)]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
