"""What a release asks of its databases: its named statements, and the migrations that it was made for."""

import hashlib
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from shared.postgres.queries import queries

ROOT: Final = Path(__file__).parents[2]
LOCK: Final = Path(__file__).parent / "released.lock.json"
FOLDERS: Final = ("functions", "shared")


@dataclass(frozen=True)
class Released:
    """A release, as far as databases see it.

    statements: SQL by name, by file. migrations: the SHA-256 of each file.
    """

    statements: Mapping[str, Mapping[str, str]]
    migrations: Mapping[str, str]


def of_checkout(root: Path = ROOT) -> Released:
    """The release that a checkout would make."""
    found = sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.sql"))
    statements = {}
    migrations = {}
    for path in found:
        name = str(path.relative_to(root))
        if path.parent.name == "migrations":
            migrations[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            statements[name] = named(path)
    return Released(statements, migrations)


def named(path: Path) -> dict[str, str]:
    """The statements of a file by name."""
    loaded = queries(path)
    return {name: query.sql for name, query in loaded.by_name().items()}


def of_commit(commit: str, root: Path = ROOT) -> Released:
    """The release of a commit or tag. Raises subprocess.CalledProcessError if the repository does not have it."""
    packed = subprocess.run(["git", "archive", commit, *FOLDERS], cwd=root, check=True, capture_output=True).stdout
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
        return of_checkout(Path(folder))


def read(lock: Path = LOCK) -> Released:
    """The release that serves, as far as this checkout knows."""
    return Released(**json.loads(lock.read_text(encoding="utf-8")))


def write(released: Released, lock: Path = LOCK) -> None:
    """Record what serves from now on."""
    lock.write_text(json.dumps(asdict(released), indent=1, sort_keys=True) + "\n", encoding="utf-8")
