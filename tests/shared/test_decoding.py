"""Threads that decode a type for the first time, all at once."""

import subprocess
import sys

import pytest

from tests.architecture.codebase import ROOT

RACE = """
import sys, threading
from typing import Annotated
import msgspec
from {package}.decoding import ready

sys.setswitchinterval(1e-6)
value = {{"texts": ["a"], "lines": [{{"id": "x", "quantity": 2}}]}}
for _ in range(200):
    Line = msgspec.defstruct("Line", [("id", str), ("quantity", Annotated[int, msgspec.Meta(ge=1)])], module="made")
    sys.modules["made"] = type(sys)("made")
    Order = msgspec.defstruct(
        "Order", [("texts", list[str]), ("lines", Annotated[list[Line], msgspec.Meta(min_length=1)])], module="made"
    )
    barrier = threading.Barrier(8)

    def decode():
        barrier.wait()
        assert msgspec.convert(value, ready(Order)).lines[0].quantity == 2

    threads = [threading.Thread(target=decode) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""
"""In a process of its own, which a type that is not ready kills."""


@pytest.mark.parametrize("package", ["shared", "meridian_client"])
def test_first_uses_at_once(package: str) -> None:
    """No thread sees a type that another one is describing to msgspec."""
    path = {"shared": ROOT, "meridian_client": ROOT / "shared" / "client" / "python"}[package]
    ended = subprocess.run(
        [sys.executable, "-c", RACE.format(package=package)], cwd=path, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
