"""Keeps the stack's processes running with supervisord: its configuration and its XML-RPC interface.

XML-RPC uses a loopback port and a password. A Unix socket would need no port, but its path is limited to 107 bytes,
and temporary folders (macOS, pytest) are often longer.
"""

import os
import shlex
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Collection, Iterable, Mapping
from configparser import RawConfigParser
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from emulators.stack import ports
from emulators.stack.errors import NotReady, StackError

USER: Final = "meridian"
CALL_SECONDS: Final = 10
"""How long one XML-RPC call may take."""

POLL_SECONDS: Final = 0.1

UNKNOWN, ALREADY_STARTED, NOT_RUNNING, ALREADY_ADDED = 10, 60, 70, 90
"""Fault codes of supervisor/xmlrpc.py."""


STOPPED: Final = "STOPPED"
"""The state of a program that was not started yet, or has been stopped."""

EARLY, DATABASE, SERVICE, EDGE, WARM = range(5)
"""The stages of a start. WARM is after it: what serves nobody yet (regions/warm.py)."""


@dataclass(frozen=True)
class Program:
    """A process to keep running.

    name: unique in the stack; also names its log file.
    command: the program and its arguments.
    ready: the readiness check. It must not raise.
    environment: added to supervisord's own environment.
    directory: the working directory.
    user: the account it runs as, if the caller is root; None for the caller.
    stop_signal: requests its end; after `stop_seconds` it is killed.
    region: the region that it is a part of; None for what all regions share.
    stage: when it is started: EARLY ones need no database, the EDGE of a region is opened last.
    """

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool]
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_signal: str = "TERM"
    stop_seconds: int = 10
    region: str | None = None
    stage: int = SERVICE


@dataclass(frozen=True)
class Process:
    """A program in supervisord: state (RUNNING, BACKOFF, ...), pid (0: none), started_at (seconds since 1970)."""

    name: str
    state: str
    pid: int
    started_at: int
    trouble: str


class Supervisor:
    """The supervisord of one stack."""

    def __init__(self, state: Path, port: int, password: str) -> None:
        """
        state: the stack's folder; the configuration and logs go there.
        port, password: of the XML-RPC interface on loopback.
        """
        self._state = state
        self._port = port
        self._password = password
        self._configuration = state / "supervisord.conf"
        self.output = state / "logs" / "supervisord-output.log"
        """The output of supervisord before it opens its own log."""

    def configure(self, programs: Iterable[Program]) -> None:
        """Write the configuration. Raises StackError when a value cannot be expressed in it."""
        parser = RawConfigParser()
        parser.read_dict(self._own_sections())
        for program in programs:
            parser[f"program:{program.name}"] = self._section(program)
        self._write(parser)

    def exchange(self, removed: Collection[str], added: Iterable[Program]) -> None:
        """Have a running supervisord forget programs that do not run, and learn of others, which it does not start."""
        parser = RawConfigParser()
        parser.read(self._configuration, encoding="utf-8")
        made = {program.name: self._section(program) for program in added}
        for name in removed:
            parser.remove_section(f"program:{name}")
        parser.read_dict({f"program:{name}": section for name, section in made.items()})
        self._write(parser)
        self._call("reloadConfig")
        for name in removed:
            self._call("removeProcessGroup", name, unless=UNKNOWN)
        for name in made:
            self._call("addProcessGroup", name, unless=ALREADY_ADDED)

    def _write(self, parser: RawConfigParser) -> None:
        descriptor = os.open(self._configuration, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            parser.write(file)

    def _own_sections(self) -> dict[str, dict[str, str]]:
        supervisord = {
            "nodaemon": "true",
            "silent": "true",
            "identifier": USER,
            "logfile": "logs/supervisord.log",
            "logfile_maxbytes": "5MB",
            "logfile_backups": "1",
            "pidfile": "supervisord.pid",
        }
        if os.getuid() == 0:
            supervisord["user"] = "root"  # explicit, or supervisord warns
        return {
            "supervisord": supervisord,
            "inet_http_server": {
                "port": f"{ports.HOST}:{self._port}",
                "username": USER,
                "password": self._password,
            },
            "rpcinterface:supervisor": {
                "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
            },
        }

    def _section(self, program: Program) -> dict[str, str]:
        section = {
            "command": _escaped(shlex.join(program.command)),
            "directory": _escaped(program.directory),
            "environment": ",".join(f"{name}={_quoted(value)}" for name, value in program.environment.items()),
            "autostart": "false",
            "autorestart": "true",
            "startsecs": "1",
            "startretries": "20",
            "stopsignal": program.stop_signal,
            "stopwaitsecs": str(program.stop_seconds),
            # PostgreSQL stops its own children, to which SIGINT means something else.
            "stopasgroup": str(program.stop_signal == "TERM").lower(),
            "killasgroup": "true",
            "redirect_stderr": "true",
            # Relative to supervisord's working directory: it expands this value twice, which no escaping survives.
            "stdout_logfile": f"logs/{program.name}.log",
            "stdout_logfile_maxbytes": "10MB",
            "stdout_logfile_backups": "2",
        }
        return section | ({"user": program.user} if program.user else {})

    def launch(self, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        """Start supervisord, in a session of its own so that Ctrl-C reaches only its parent."""
        with self.output.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(self._configuration)],
                env=dict(environment),
                cwd=self._state,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def answers(self) -> bool:
        """Whether supervisord accepts calls."""
        try:
            return bool(self._call("getState")["statename"] == "RUNNING")
        except (OSError, xmlrpc.client.Error, StackError):
            return False  # not running, or shutting down

    def start(self, name: str) -> None:
        """Start a program without waiting for it. Does nothing if it is running."""
        self._call("startProcess", name, False, unless=ALREADY_STARTED)

    def stop(self, *names: str) -> None:
        """Stop programs without waiting for them, and do not restart them. Those that do not run are left alone."""
        calls = [{"methodName": "supervisor.stopProcess", "params": [name, False]} for name in names]
        with self._proxy() as proxy:
            results: Any = proxy.system.multicall(calls)  # many calls would take seconds on a busy machine
        for name, result in zip(names, results, strict=True):
            if isinstance(result, dict) and result["faultCode"] != NOT_RUNNING:
                raise StackError(f"supervisord refuses to stop {name}: {result['faultString']}.")

    def shut_down(self) -> None:
        """Have supervisord stop every program and itself."""
        self._call("shutdown")

    def processes(self) -> list[Process]:
        """Every program, in order of name."""
        return [_process(info) for info in self._call("getAllProcessInfo")]

    def process(self, name: str) -> Process:
        """One program. Raises StackError for an unknown name."""
        return _process(self._call("getProcessInfo", name))

    def until_stopped(self, names: Collection[str], seconds: float) -> None:
        """Wait until none of these programs runs. Raises NotReady at the deadline."""
        deadline = time.monotonic() + seconds
        while running := [process.name for process in self.processes() if process.name in names and process.pid]:
            if time.monotonic() > deadline:
                raise NotReady(f"These processes do not stop: {', '.join(running)}.")
            time.sleep(POLL_SECONDS)

    def _call(self, method: str, *arguments: Any, unless: int | None = None) -> Any:
        """Call a method of supervisor's XML-RPC interface.

        unless: the fault code to ignore, as the requested state is reached already.
        Raises OSError when supervisord does not respond, StackError when it refuses.
        """
        with self._proxy() as proxy:
            try:
                return getattr(proxy.supervisor, method)(*arguments)
            except xmlrpc.client.Fault as fault:
                if fault.faultCode == unless:
                    return None
                raise StackError(f"supervisord refuses {method}{arguments}: {fault.faultString}.") from fault

    def _proxy(self) -> xmlrpc.client.ServerProxy:
        """A connection for a call: these objects are shared between threads, and a connection cannot be."""
        url = f"http://{USER}:{self._password}@{ports.HOST}:{self._port}/RPC2"
        return xmlrpc.client.ServerProxy(url, transport=_Transport())


class _Transport(xmlrpc.client.Transport):
    """A transport whose calls time out."""

    def make_connection(self, host: Any) -> Any:
        connection = super().make_connection(host)
        connection.timeout = CALL_SECONDS
        return connection


def _process(info: Mapping[str, Any]) -> Process:
    return Process(info["name"], info["statename"], info["pid"], info["start"], info["spawnerr"])


def _escaped(value: str | Path) -> str:
    """A value escaped for supervisord, which expands `%` and takes ` ;` for the start of a comment."""
    if " ;" in str(value) or "\n" in str(value):
        raise StackError(f"A path or setting with a line break or with ' ;' cannot be used here: {value!s}.")
    return str(value).replace("%", "%%")


def _quoted(value: str) -> str:
    if '"' in value:
        raise StackError(f"A setting with a double quote cannot be used here: {value}.")
    return f'"{_escaped(value)}"'
