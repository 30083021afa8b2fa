"""The pages of docs/how-to: what they say is done, and is so."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emulators.stack.stack import Stack
from tests.architecture.codebase import ROOT
from tests.docs.pages import HOW_TO, blocks, run, settings

PLAYED = ("free-drop.md", "phased-sale.md", "refunds.md", "verify-a-receipt.md")
PLAYED_LONG = ("payouts.md",)
"""It waits for blocks."""

CHECKED = {
    "receive-webhooks.md": "its receivers are those of test_receivers.py",
    "redeem-a-voucher.md": "on a stack without a relayer",
    "run-without-a-relayer.md": "that stack",
    "add-a-currency-or-a-chain.md": "on a copy of the code",
    "README.md": "has nothing to run",
}
"""Pages with tests of their own below."""

PAYER = "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"
"""The key of anvil's third account, the same on every local chain."""


def test_every_page_is_run() -> None:
    """By the one list or the other, and the index names it."""
    pages = {path.name for path in HOW_TO.glob("*.md")}
    assert pages == {*PLAYED, *PLAYED_LONG, *CHECKED}
    index = (HOW_TO / "README.md").read_text(encoding="utf-8")
    assert [page for page in pages - {"README.md"} if f"]({page})" not in index] == []


@pytest.mark.parametrize("page", [*PLAYED, *(pytest.param(page, marks=pytest.mark.long) for page in PLAYED_LONG)])
def test_a_page_does_what_it_says(page: str, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own assertions hold."""
    run(page, tmp_path, stack.edge_url, monkeypatch)


def test_the_receivers_are_the_examples() -> None:
    """Which test_receivers.py runs."""
    shown = {block.language: block.code for block in blocks("receive-webhooks.md")}
    for language, file in (("python", "receiver.py"), ("ts", "receiver.mts")):
        assert shown[language] == (ROOT / "tests" / "examples" / file).read_text(encoding="utf-8")


@pytest.mark.long
def test_buyers_redeem_without_a_relayer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a stack with the setting of the page, by the code of the other one: the buyer's transaction is the one."""
    (block,) = blocks("run-without-a-relayer.md")
    (folder := tmp_path / "reader").mkdir()
    with Stack(tmp_path / "stack", free_ports=True, overrides=settings(block)) as stack:
        node = f"http://127.0.0.1:{stack.ports['chain']}"
        played = run("redeem-a-voucher.md", folder, stack.edge_url, monkeypatch, NODE_URL=node, PAYER_KEY=PAYER)
    assert played["transaction"].startswith("0x")


@pytest.mark.long
def test_a_currency_is_added(tmp_path: Path, stack: Stack) -> None:
    """By the change of the page, to a copy of the code: the API has it, and the settings of the page are accepted."""
    change, currency, chain = blocks("add-a-currency-or-a-chain.md")
    for folder in ("functions", "shared"):
        ignored = shutil.ignore_patterns("__pycache__", "node_modules", "typescript")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    subprocess.run(["patch", "-p1", "--silent"], cwd=tmp_path, input=change.code, text=True, check=True)
    given = {**os.environ, **stack.environment, "PYTHONPATH": str(tmp_path), **settings(currency), **settings(chain)}
    made = subprocess.check_output([sys.executable, "-m", "functions.main", "openapi"], cwd=tmp_path, env=given)
    assert "EURC" in json.loads(made)["components"]["schemas"]["CurrencyCode"]["enum"]
    shown = "import os, shared.config as c; s = c.read(os.environ); print(sorted(s.chain_assets), sorted(s.chain_urls))"
    accepted = subprocess.check_output([sys.executable, "-c", shown], cwd=tmp_path, env=given, text=True)
    assert accepted.strip() == "['ETH', 'EURC'] [1, 137]"
