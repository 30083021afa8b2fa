"""Identity on its fakes and on real parts: `work` is both, one after the other."""

import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from emulators.stack import binaries, environment, programs
from emulators.stack import secrets as stack_secrets
from emulators.stack.environment import Layout
from emulators.stack.ports import Ports
from emulators.stack.supervisor import Program
from functions.identity.adapters.work import Work
from functions.identity.domain.users import Grants
from shared import config
from shared.resources import Resources
from tests.clocks import FakeClock
from tests.functions.identity.fakes import SITE, ApiUser, FakeWallets, FakeWork


@contextmanager
def running(make: Callable[[binaries.Binaries, Layout], Program], name: str, state: Path) -> Iterator[str]:
    """A part of these tests' own; its host:port."""
    ports = Ports([name], free=True)
    program = make(binaries.find(), Layout(state, ports.chosen, (), {}))
    with (state / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            program.command, cwd=program.directory, env=environment.base(state), stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 60
        while not program.ready():
            assert process.poll() is None and time.monotonic() < deadline, (state / f"{name}.log").read_text()
            time.sleep(0.05)
        ports.release()
        yield f"127.0.0.1:{ports.chosen[name]}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def firestore_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Firestore emulator of these tests' own."""
    with running(programs.firestore, "firestore", tmp_path_factory.mktemp("firestore")) as address:
        yield address


@pytest.fixture(scope="session")
def redis_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey of these tests' own."""
    with running(programs.valkey, "valkey", tmp_path_factory.mktemp("valkey")) as address:
        yield address


@pytest.fixture(scope="session")
def secrets_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys as the local stack makes them."""
    folder = tmp_path_factory.mktemp("secrets")
    stack_secrets.ensure(folder, [])
    return folder


@pytest.fixture
def clock() -> FakeClock:
    """A clock that the test moves."""
    return FakeClock()


@pytest.fixture
def settings(secrets_folder: Path, redis_address: str) -> config.Settings:
    """Settings with a Firestore database that no other test sees."""
    return config.read(
        {
            "MERIDIAN_ENVIRONMENT": "local",
            "MERIDIAN_REGION": "us-central1",
            "GOOGLE_CLOUD_PROJECT": f"test-{uuid.uuid4().hex[:20]}",
            "PUBLIC_URL": SITE.url,
            "SECRETS_DIR": str(secrets_folder),
            "REDIS_URL": f"redis://{redis_address}/0",
        }
    )


@pytest.fixture
def resources(
    settings: config.Settings, clock: FakeClock, firestore_address: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Resources]:
    """The real parts, Firestore among them."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_address)
    opened = Resources(settings, clock)
    yield opened
    opened.firestore().close()


@pytest.fixture
def real_work(resources: Resources) -> Work:
    """The work of production, but for the wallet service."""
    work = Work(resources, "identity")
    work.__dict__["wallets"] = FakeWallets()
    work.__dict__["grants"] = Grants()
    return work


@pytest.fixture(params=["fake", "firestore"])
def work(request: pytest.FixtureRequest, clock: FakeClock) -> Any:
    """Identity's work: in memory, then on Firestore."""
    return FakeWork(clock) if request.param == "fake" else request.getfixturevalue("real_work")


@pytest.fixture
def person() -> ApiUser:
    """Someone who was never here."""
    return ApiUser()
