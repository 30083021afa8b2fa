"""`make logs` shows what several processes wrote as people read it."""

import argparse
import json
from pathlib import Path

import pytest

from emulators import log_view
from emulators.stack.errors import StackError

BEGAN = "2026-11-30T09:00:0{}.000000+00:00"


def entry(second: int, message: str, severity: str = "INFO", **fields: object) -> str:
    """A line as Meridian's processes write it."""
    found = {"severity": severity, "time": BEGAN.format(second), "message": message, "request_id": "r1", **fields}
    return json.dumps(found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The logs of two processes, one of them rotated, and of one that writes plain text."""
    logs = {
        "rpc-wallet.log.1": [entry(1, "first")],
        "rpc-wallet.log": [entry(4, "fourth", "ERROR", stack_trace="Traceback\nValueError", user_id="usr_us_1")],
        "relay-order.log": [entry(2, "second"), "plain words", entry(3, "third", request_id="r2")],
        "postgres.log": ["LOG:  database system is ready", "{not json"],
    }
    for name, lines in logs.items():
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return tmp_path


def shown(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    parser = argparse.ArgumentParser()
    log_view.add_arguments(parser)
    log_view.show(folder, parser.parse_args(arguments))
    return capsys.readouterr().out.splitlines()


def test_several_are_put_together_by_time(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What tells no time stays behind the line before it; a rotated part comes first."""
    lines = shown(folder, capsys, "rpc", "relay")
    words = ("first", "second", "plain words", "third", "fourth")
    assert [next(word for word in words if word in line) for line in lines[:5]] == list(words)
    assert [line.strip() for line in lines[5:]] == ["Traceback", "ValueError"]
    assert "ERROR    rpc-wallet  fourth  r1 usr_us_1" in lines[4]


def test_filters(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By severity, request, user, text and number."""
    cases = {
        ("--severity", "ERROR"): "fourth",
        ("--request", "r2"): "third",
        ("--user", "usr_us_1"): "fourth",
        ("--text", "secon"): "second",
        ("--lines", "1", "--text", "o"): "fourth",
    }
    for arguments, expected in cases.items():
        first = shown(folder, capsys, *arguments)[0]
        assert expected in first, arguments
    assert shown(folder, capsys, "--request", "r2", "--json") == [entry(3, "third", request_id="r2")]


def test_without_anything_it_lists_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(folder, capsys) == ["postgres", "relay-order", "rpc-wallet"]


def test_an_unknown_one_is_a_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StackError, match=r"no log of nobody; the logs are: postgres, relay-order, rpc-wallet"):
        shown(folder, capsys, "nobody")
