"""Reads functions/registry.yaml, or functions/registry.json: the same in the form that a process reads fastest.

    python -m shared.registry_file        print the latter (`make gen`)

Reading and checking the YAML takes 30 ms of a cold start, its compiled form 1 ms. That names by its hash the YAML that
it was made from, and is not read in place of another: whoever edits the YAML sees the change at once.
"""

import sys
from hashlib import sha256
from pathlib import Path

import msgspec

from shared.decoding import ready
from shared.registry import PATH, Registry


class Compiled(msgspec.Struct, forbid_unknown_fields=True):
    """The compiled form. sha256: of the YAML's bytes."""

    sha256: str
    registry: Registry


def parse(text: str) -> Registry:
    """The registry of a YAML document. Raises as registry.load does."""
    from shared import registry_checks, strict_yaml

    document = strict_yaml.parse(text)
    for name, row in document["operations"].items():
        row["name"] = name
    registry = msgspec.convert(document, ready(Registry))
    for row in registry.operations.values():
        row.home = row.home or row.usual_home
    registry_checks.check(registry)
    return registry


def compiled(path: Path, yaml: bytes) -> Registry | None:
    """The compiled registry beside a YAML file; None if there is none, or it was made from another YAML.

    yaml: what is in that file. Raises msgspec.DecodeError for a file that is no compiled registry.
    """
    beside = path.with_suffix(".json")
    if not beside.exists():
        return None
    content = beside.read_bytes()
    # Before it is decoded: what another release's code compiled need not fit the types of this one.
    if not content.startswith(f'{{"sha256":"{_hash(yaml)}"'.encode()):
        return None
    return msgspec.json.decode(content, type=ready(Compiled)).registry


def compile_file(path: Path = PATH) -> bytes:
    """The compiled form of a YAML file. Raises as registry.load does."""
    yaml = path.read_bytes()
    return msgspec.json.encode(Compiled(_hash(yaml), parse(yaml.decode()))) + b"\n"


def _hash(yaml: bytes) -> str:
    return sha256(yaml).hexdigest()


if __name__ == "__main__":
    sys.stdout.buffer.write(compile_file())
