"""Reads the logs of processes, to explain a failure in one sentence."""

from pathlib import Path
from typing import Final

TAIL_BYTES: Final = 20_000
LINE_CHARACTERS: Final = 300


def last_line(log: Path) -> str:
    """The last non-empty line of a log, shortened."""
    if not log.exists():
        return "nothing was logged"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    return next((line.strip()[:LINE_CHARACTERS] for line in reversed(lines) if line.strip()), "nothing was logged")
