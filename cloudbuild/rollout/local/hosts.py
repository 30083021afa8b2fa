"""Functions hosts as revisions: each a process on a port of its own, with the environment of the stack's."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from cloudbuild.rollout.local.faults import FAULT, Fault
from cloudbuild.rollout.port import Failed
from emulators.stack import environment
from emulators.stack.environment import ROOT, Layout
from emulators.stack.logs import last_line
from emulators.stack.ports import HOST, Ports
from emulators.stack.readiness import http_ok
from emulators.stack.services import GRANIAN

START_SECONDS: Final = 45.0
POLL_SECONDS: Final = 0.1
STOP_SECONDS: Final = 5.0
THREADS: Final = "64"
"""As many responses are on their way at once as the edge has connections."""


class Hosts:
    """The revisions of the functions host."""

    def __init__(self, layout: Layout) -> None:
        """layout: the ports and folders of what they need."""
        self._layout = layout
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._reserved: dict[str, Ports] = {}
        self.ports: dict[str, int] = {}
        """The port of each revision that runs."""

    def start(self, revision: str, fault: Fault) -> None:
        """Start a revision, and return when it responds. Raises Failed if it does not; then it is gone."""
        reserved = Ports([revision], free=True)
        port = reserved.chosen[revision]
        log = self._layout.logs / f"{revision}.log"
        listens = ("--host", HOST, "--port", str(port), "--factory", "cloudbuild.rollout.local.faults:make")
        threads = ("--blocking-threads", THREADS)
        command = (sys.executable, "-m", "granian", *GRANIAN, *threads, *listens)
        variables = {**environment.for_site(self._layout, self._layout.sites[0]), FAULT: fault.value}
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, env=variables, cwd=ROOT, stdout=output, stderr=output, start_new_session=True
            )
        self._processes[revision], self.ports[revision] = process, port
        self._reserved[revision] = reserved
        try:
            self._until_ready(process, port, log)
        except Failed:
            self.stop(revision)
            raise

    def _until_ready(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        ready, deadline = http_ok(port, "/health"), time.monotonic() + START_SECONDS
        while not ready():
            if process.poll() is not None:
                raise Failed(f"it exits: «{last_line(log)}»")
            if time.monotonic() > deadline:
                raise Failed(f"it does not respond within {START_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)

    def stop(self, revision: str) -> None:
        """Stop a revision: it ends what it serves, unless that takes long."""
        process = self._processes.pop(revision)
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # a session of its own: its worker too
            process.wait()
        del self.ports[revision]
        self._reserved.pop(revision).release()

    def stop_all(self) -> None:
        """Stop every revision."""
        for revision in list(self._processes):
            self.stop(revision)
