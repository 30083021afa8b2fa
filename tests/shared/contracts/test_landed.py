"""Contracts that have landed only grow."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.contracts import landed
from shared.contracts.landed import HERE, NoBuf, breaking


@pytest.fixture
def contracts(tmp_path: Path) -> Callable[..., Path]:
    """A copy of the contracts with changes, each as (file, what, by what)."""

    def changed(*changes: tuple[str, str, str]) -> Path:
        for path in HERE.glob("*.proto"):
            shutil.copy(path, tmp_path)
        for file, what, by in changes:
            text = (tmp_path / file).read_text(encoding="utf-8")
            written, count = re.subn(what, by, text, count=1)
            assert count == 1, what
            (tmp_path / file).write_text(written, encoding="utf-8")
        return tmp_path

    return changed


def test_nothing_landed_is_broken_here() -> None:
    """The contracts of this checkout are what has landed, and more."""
    assert breaking() == ""


def test_what_is_added_is_accepted(contracts: Callable[..., Path]) -> None:
    """A field, a message, a file."""
    folder = contracts(
        ("claim_events.proto", r"message ClaimOpened \{", "message ClaimOpened {\n  string colour = 99;"),
        ("claim_events.proto", r"message ClaimOpened \{", "message ClaimFramed {}\nmessage ClaimOpened {"),
    )
    (folder / "more.proto").write_text('syntax = "proto3";\npackage meridian.more;\nmessage More {}\n')
    assert breaking(folder) == ""


def test_what_is_taken_away_or_changed_is_refused(contracts: Callable[..., Path]) -> None:
    """A field that is removed, renumbered, renamed or of another type, and a message that is gone: each is named."""
    folder = contracts(
        ("claim_events.proto", r"(?<=message ClaimOpened \{\n)[^;]*claim_id = 1;\n", ""),
        ("order_events.proto", r"(?<=message OrderPlaced \{\n)([^;]*order_id = )1;", r"\g<1>77;"),
        ("supply_events.proto", r"(?<=message SupplyCreated \{\n)([^;]*)supply_id( = 1;)", r"\1supply\2"),
        ("wallet_events.proto", r"(?<=message WalletOpened \{\n)([^;]*)string (\w+ = 1;)", r"\1int64 \2"),
        ("identity_events.proto", r"message SessionRevoked \{", "message SessionEnded {"),
    )
    found = breaking(folder)
    for file in ("claim_events", "order_events", "supply_events", "wallet_events", "identity_events"):
        assert f"{file}.proto" in found, found
    assert "SessionRevoked" in found


def test_without_buf_nothing_is_called_good(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check fails, and says in one sentence what to install."""
    monkeypatch.setattr(landed, "BUF", HERE / "nowhere")
    with pytest.raises(NoBuf):
        breaking()
    assert landed.main(["check"]) == 1
    assert capsys.readouterr().out.count("\n") == 1
