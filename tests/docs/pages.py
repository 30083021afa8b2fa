"""The code of a page of docs/how-to, and how it is run: in a folder of its own, against a stack."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from shared.client.python.generate import HERE as CLIENT
from tests.architecture.codebase import ROOT

HOW_TO = ROOT / "docs" / "how-to"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PACKAGES = {
    "@openzeppelin": ROOT / "emulators" / "node_modules" / "@openzeppelin",
    "ethers": ROOT / "shared" / "client" / "typescript" / "node_modules" / "ethers",
}
"""What pages have readers install from npm, and where it is here."""


class Block(NamedTuple):
    """A block of code."""

    language: str
    code: str
    line: int
    """The line of the page before its first one."""


def blocks(page: str) -> list[Block]:
    """The blocks of code of a page, in order."""
    text = (HOW_TO / page).read_text(encoding="utf-8")
    return [Block(found[1], found[2], text.count("\n", 0, found.start()) + 1) for found in BLOCK.finditer(text)]


def run(page: str, folder: Path, url: str, monkeypatch: pytest.MonkeyPatch, **variables: str) -> dict[str, Any]:
    """Do what a page says: run its Python in one namespace, which is returned; save its scripts under their names.

    folder: where this happens. url: the API. variables: of the environment, which the page leaves to its reader.
    """
    modules = folder / "node_modules"
    modules.mkdir()
    for name, installed in PACKAGES.items():
        (modules / name).symlink_to(installed)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(CLIENT))
    for name, value in {"MERIDIAN_URL": url, **variables}.items():
        monkeypatch.setenv(name, value)
    namespace: dict[str, Any] = {"__name__": page}
    for block in blocks(page):
        if block.language == "js":
            (folder / block.code.split()[1]).write_text(block.code, encoding="utf-8")
        elif block.language == "python":
            exec(compile("\n" * block.line + block.code, HOW_TO / page, "exec"), namespace)
    return namespace


def settings(block: Block) -> dict[str, str]:
    """The environment variables that a block of shell commands sets."""
    return dict(re.findall(r"\b([A-Z_]+)=(\S+)", block.code))
