"""One local stack: starts it, ends it, and tells how it is. The commands and the tests use it alike.

with Stack(state=folder, free_ports=True) as stack:
    httpx.get(f"{stack.edge_url}/health")
"""

import contextlib
import json
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

from emulators import edge, environment, leftovers, lock, parts, postgres, programs, record, secrets
from emulators.environment import Layout
from emulators.errors import NotReady, StackError
from emulators.logs import last_line
from emulators.ports import Ports
from emulators.progress import Progress
from emulators.readiness import Wait
from emulators.record import Record
from emulators.start import READY_SECONDS, Start
from emulators.supervisor import Process, Program, Supervisor
from shared.registry import load

STOP_SECONDS: Final = 12.0
"""How long programs may take to end; supervisord kills them before that."""

LOOK_SECONDS: Final = 0.1

REGIONS: Final = ("us-central1",)

STORES: Final = ("postgres", programs.REPLICA, "valkey", "pubsub", "kafka", "firestore", "chain")

VOLATILE: Final = ("postgres", "logs", "edge.json", "chain.json", "supervisord.conf", "supervisord.pid", record.NAME)
"""What one `up` leaves in the state folder and the next removes. Secrets stay until `reset`."""


class Stack:
    """The stack whose files are in a state folder, whichever process has started it."""

    def __init__(
        self,
        state: Path = Path(".local"),
        *,
        free_ports: bool = False,
        first_port: int | None = None,
        regions: Sequence[str] = REGIONS,
        overrides: Mapping[str, str] | None = None,
        replica: bool = False,
        detached: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """
        state: the folder of its files, which tells stacks apart.
        free_ports: draw every port at random, so that it never meets another stack.
        first_port: the port of the edge, the other parts' following it; None for the table of ports.py.
        regions: the regions that `up` starts, the primary first.
        overrides: settings for Meridian's processes, over those of the caller's environment (environment.SETTABLE).
        replica: whether a standby of its database server is started as well.
        detached: whether it outlives the process that calls `up`; otherwise it ends when that is killed.
        progress: is told what a start waits for.
        """
        self.state = state.absolute()
        self._free_ports = free_ports
        self._first_port = first_port
        self._regions = tuple(regions)
        self._overrides = {**environment.from_outside(), **(overrides or {})}
        self._replica = replica
        self._detached = detached
        self._progress = progress or Progress()
        self._supervisord: subprocess.Popen[bytes] | None = None
        self._programs: dict[str, Program] = {}

    # What a stack that is up is like

    @property
    def layout(self) -> Layout:
        """Its ports, folders and regions. Raises StackError when it is not up."""
        known = record.load(self.state)
        if known is None:
            raise StackError(f"No stack is up in {self.state}: start one with `python -m emulators up`.")
        return Layout(self.state, known.ports, tuple(known.regions), known.overrides)

    @property
    def edge_url(self) -> str:
        """Where clients reach it, without a slash at the end. Raises as layout does."""
        return self.layout.edge_url

    @property
    def ports(self) -> Mapping[str, int]:
        """The port of each part by name: edge, postgres, functions-us-central1, ... Raises as layout does."""
        return self.layout.ports

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a Meridian process in its primary region. Raises as layout does."""
        layout = self.layout
        return environment.of_region(layout, layout.regions[0])

    def is_up(self) -> bool:
        """Whether its supervisord answers."""
        return record.load(self.state) is not None and self._supervisor().answers()

    def status(self) -> list[Process]:
        """Its processes; none when it is not up."""
        return self._supervisor().processes() if self.is_up() else []

    # Its life

    def __enter__(self) -> Self:
        return self.up()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def up(self) -> Self:
        """Start it with empty stores, and return when a client can use it; after a failure nothing of it is left.

        Raises StackError: a part is missing, does not start, or the stack is up already.
        """
        self.state.mkdir(parents=True, exist_ok=True)
        with lock.held(self.state):
            self._refuse_second()
            self._end()
            self._remove(VOLATILE)
            try:
                self._start()
            except BaseException:
                self._end()
                raise
        return self

    def down(self) -> None:
        """End every process of it, and remove what its stores held. Raises StackError."""
        if self.state.exists():
            with lock.held(self.state):
                self._end()

    def _end(self) -> None:
        known = record.load(self.state)
        if known and self.is_up():
            self._stop_in_order()
        data = Path(known.data) if known else self.state / "postgres"
        leftovers.end(self.state, [data])
        shutil.rmtree(data, ignore_errors=True)
        self._remove(("postgres", record.NAME))
        if self._supervisord:
            self._supervisord.wait()
            self._supervisord = None

    def reset(self) -> None:
        """End it and remove all that it has written, its secrets too."""
        self.down()
        self._remove((*VOLATILE, "secrets", lock.NAME))
        with contextlib.suppress(OSError):  # what others have put into the folder stays
            self.state.rmdir()

    def wait(self) -> None:
        """Return when supervisord has ended. Only for the process that has started the stack."""
        if self._supervisord:
            self._supervisord.wait()

    # Faults, for tests

    def kill(self, name: str) -> None:
        """Kill a process without warning; supervisord starts it again. Raises StackError when it does not run."""
        process = self._supervisor().process(name)
        if not process.pid:
            raise StackError(f"{name} does not run, it is {process.state}.")
        os.kill(process.pid, signal.SIGKILL)

    def pause(self, name: str, *, resume: bool = False) -> None:
        """Halt a process and its children, so that it holds its connections and answers none; or let it go on."""
        process = psutil.Process(self._supervisor().process(name).pid)
        for each in (process, *process.children(recursive=True)):
            each.resume() if resume else each.suspend()

    def stop(self, name: str) -> None:
        """End a process, and keep it down until `start`."""
        self._supervisor().stop(name)
        self._until_stopped([name])

    def start(self, name: str) -> None:
        """Start a process that was stopped, and wait until it can be used. Raises StackError."""
        self._supervisor().start(name)
        self.until_ready(name)

    def until_ready(self, name: str) -> None:
        """Wait until a process can be used. Raises StackError."""
        if not self._programs:
            self._programs = self._known_programs()
        wait = Wait(self._supervisor(), self.layout.logs, self._progress)
        wait.until_ready([self._programs[name]], READY_SECONDS)

    # How it is done

    def _start(self) -> None:
        registry = load()
        event_bus = self._overrides.get(environment.EVENT_BUS, environment.PUBSUB)
        found = parts.find(event_bus)
        names = programs.names_with_ports(
            registry, self._regions, event_bus, with_chain=found.anvil is not None, with_replica=self._replica
        )
        ports = Ports(names, first=self._first_port, free=self._free_ports)
        for name, preferred in ports.moved.items():
            self._progress.note(f"Port {preferred} is taken: {name} listens on {ports.chosen[name]} instead.")
        layout = Layout(self.state, ports.chosen, self._regions, self._overrides)
        secrets.ensure(layout.secrets, [name for name, service in registry.services.items() if service.database])
        layout.logs.mkdir(exist_ok=True)
        cluster = postgres.prepare(found.postgres, self.state, postgres.account())
        known = Record(0, os.getpid(), False, list(self._regions), ports.chosen, self._overrides, str(cluster.folder))
        known.save(self.state)
        edge_file = self.state / "edge.json"
        configuration = edge.configuration(registry.http_rows(), layout, registry.limits.values())
        edge_file.write_text(json.dumps(configuration, indent=1), encoding="utf-8")
        owner = None if self._detached else os.getpid()
        self._programs = programs.of_stack(registry, layout, found, cluster, edge_file, owner)
        supervisor = self._launch()
        replace(known, supervisor=self._supervisord.pid if self._supervisord else 0).save(self.state)
        Start(registry, layout, cluster, self._programs, supervisor, self._progress).run()
        replace(known, supervisor=self._supervisord.pid if self._supervisord else 0, ready=True).save(self.state)
        ports.release()

    def _known_programs(self) -> dict[str, Program]:
        """The programs of a stack that another process has started."""
        known, found = record.load(self.state), parts.find(self.layout.event_bus)
        data = Path(known.data if known else self.state) / "data"
        cluster = postgres.Cluster(found.postgres, data, postgres.account())
        return programs.of_stack(load(), self.layout, found, cluster, self.state / "edge.json", None)

    def _launch(self) -> Supervisor:
        supervisor = self._supervisor()
        supervisor.configure(self._programs.values())
        self._supervisord = supervisor.launch(environment.base(self.state))
        deadline = time.monotonic() + STOP_SECONDS
        while not supervisor.answers():
            if self._supervisord.poll() is not None or time.monotonic() > deadline:
                raise NotReady(f"supervisord does not start: «{last_line(supervisor.output)}».")
            time.sleep(LOOK_SECONDS)
        return supervisor

    def _supervisor(self) -> Supervisor:
        try:
            password = secrets.read(self.state / "secrets", "supervisor.password")
        except FileNotFoundError:
            password = ""
        return Supervisor(self.state, self.layout.ports["supervisor"], password)

    def _stop_in_order(self) -> None:
        """Meridian's processes first, so that they can finish what they have begun; then the stores; then the rest."""
        supervisor = self._supervisor()
        try:
            names = [process.name for process in supervisor.processes()]
            for stage in ([name for name in names if name not in STORES], [name for name in names if name in STORES]):
                for name in stage:
                    supervisor.stop(name)
                self._until_stopped(stage)
            supervisor.shut_down()
            known = record.load(self.state)
            if known and known.supervisor:
                psutil.Process(known.supervisor).wait(STOP_SECONDS)
        except (OSError, StackError, psutil.Error) as error:
            # Whatever is left is swept up next, by force.
            self._progress.note(f"The stack did not end in order ({error}): its processes are ended one by one.")

    def _until_stopped(self, names: Sequence[str]) -> None:
        supervisor = self._supervisor()
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            if not any(process.pid for process in supervisor.processes() if process.name in names):
                return
            time.sleep(LOOK_SECONDS)
        raise NotReady(f"These processes do not end: {', '.join(names)}.")

    def _refuse_second(self) -> None:
        known = record.load(self.state)
        if known and (known.ready or psutil.pid_exists(known.owner)) and self.is_up():
            raise StackError(
                f"The stack in {self.state} is up already at {self.edge_url}: use it,"
                " or end it first with `python -m emulators down`."
            )

    def _remove(self, names: Sequence[str]) -> None:
        for name in names:
            path = self.state / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
