"""The roles of functions/main.py as real processes beside a running stack: jobs that end, and workers with probes."""

import http.client
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Final

import pytest

from emulators.stack.ports import HOST, Ports
from emulators.stack.stack import Stack
from emulators.waiting import until
from functions import main
from shared.container.probes import LIVE, STARTUP
from shared.registry import load

JOB_SECONDS: Final = 120


def run(stack: Stack, *arguments: str) -> tuple[int, str]:
    """Run a job; returns its exit code and what it printed."""
    command = [sys.executable, "-m", "functions.main", *arguments]
    ended = subprocess.run(
        command, env=stack.environment, capture_output=True, text=True, timeout=JOB_SECONDS, check=False
    )
    return ended.returncode, ended.stdout


def test_migrate_applies_what_is_missing(stack: Stack) -> None:
    """Of every service with a database, or of those that are named."""
    services = [name for name, service in load().services.items() if service.database]
    assert run(stack, "migrate") == (0, "".join(f"{service}: 0 migrations applied\n" for service in services))
    assert run(stack, "migrate", "--service", "order") == (0, "order: 0 migrations applied\n")
    assert run(stack, "migrate", "--service", "identity")[0] == 2


def test_redrive_and_replay_name_a_consumer(stack: Stack) -> None:
    """They do what their modules do; another name is refused."""
    assert run(stack, "redrive", "capture_hold", "--dry-run") == (
        0,
        "0 streams with 0 events would be released, 0 left\n",
    )
    assert run(stack, "replay", "--consumer", "capture_hold")[0] == 0
    for role in (["redrive", "create_order"], ["replay"], ["replay", "--consumer", "create_order"]):
        assert run(stack, *role)[0] == 2


def test_an_audit_checks_every_service(stack: Stack) -> None:
    """Its exit code says what it found."""
    code, printed = run(stack, "audit")
    checked, violations = [int(word) for word in printed.splitlines()[-1].split() if word.isdecimal()]
    assert checked > 50
    unchecked = "could not be checked" in printed
    assert code == (1 if violations else 2 if unchecked else 0)


@pytest.mark.parametrize(
    ("violations", "unchecked", "code"), [([], [], 0), ([], ["x"], 2), (["y"], [], 1), (["y"], ["x"], 1)]
)
def test_the_result_of_an_audit_is_its_exit_code(
    violations: list[str], unchecked: list[str], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1 for a violation, which matters more, 2 for what was not checked."""
    broken = [SimpleNamespace(invariant=name, subject="s", detail="d") for name in violations]
    found = SimpleNamespace(checked=["x"], violations=broken, unchecked=unchecked)
    bound = SimpleNamespace(run=lambda **_: found, request_type=object)
    monkeypatch.setattr(main, "bind", lambda _: bound)
    monkeypatch.setattr(main, "settings", lambda: SimpleNamespace(local=True))
    assert main.main(["audit"]) == code


Started = Callable[..., tuple["subprocess.Popen[str]", int]]


@pytest.fixture
def start(stack: Stack) -> Iterator[Started]:
    """Starts workers with probes on a free port."""
    ports = Ports(["worker"], free=True)
    port, processes = ports.chosen["worker"], []

    def start_one(*arguments: str) -> tuple["subprocess.Popen[str]", int]:
        command = [sys.executable, "-m", "functions.main", *arguments]
        environment = {**stack.environment, "PORT": str(port)}
        processes.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
        return processes[-1], port

    yield start_one
    for process in processes:
        process.kill()
        process.communicate()
    ports.release()


def ask(port: int, path: str) -> int:
    """The status of a probe; 0 if nobody answers."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


@pytest.mark.parametrize("role", ["relay", "poller"])
def test_a_worker_answers_probes_where_its_port_is_set(role: str, start: Started) -> None:
    """While it waits for another instance to give way as well; and it ends at SIGTERM, with 0."""
    process, port = start(role, "wallet")
    until(lambda: (ask(port, STARTUP), process.poll()), lambda seen: seen != (0, None), 60)
    assert (ask(port, STARTUP), ask(port, LIVE), ask(port, "/")) == (200, 200, 404)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def test_a_worker_whose_loop_dies_ends(stack: Stack) -> None:
    """With an error that names it, so that it is restarted."""
    code = """
import sys
from shared.runtime import worker
from functions.main import main
worker.fill = lambda *_: 1 / 0
sys.exit(main(["relay", "notification"]))
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], env=stack.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert "The loop of gap filler of us died." in ended.stderr


def test_every_role_is_described() -> None:
    """The head of the module names each."""
    for role in ("function", *main.WORKERS, *main.MODULES, *main.COMPOSED):
        assert f"functions.main {role}" in (main.__doc__ or ""), role
