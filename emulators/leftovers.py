"""Finds and ends the processes of a stack, also those whose supervisor was killed.

Each carries MERIDIAN_STACK=<state folder> in its environment. PostgreSQL's children write their titles over the place
where the system looks for that, so they are known by their working directory, the data folder of the stack.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil

from emulators.errors import StackError

TERM_SECONDS: Final = 4
KILL_SECONDS: Final = 4
ROUNDS: Final = 3
"""What was forked while the others were being ended takes another round."""


def find(state: Path, data: Sequence[Path] = ()) -> list[psutil.Process]:
    """The processes of the stack with this state folder.

    data: folders in which no process but the stack's works.
    """
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [process for process in psutil.process_iter() if process.pid not in own and _belongs(process, state, data)]


def end(state: Path, data: Sequence[Path] = ()) -> int:
    """End every process of a stack: asked first, killed after some seconds. Returns how many there were.

    Raises StackError when one does not end.
    """
    ended = 0
    for _ in range(ROUNDS):
        processes = find(state, data)
        if not processes:
            return ended
        ended += len(processes)
        _end(processes)
    remaining = find(state, data)
    if remaining:
        listed = ", ".join(f"{process.pid}" for process in remaining)
        raise StackError(f"These processes of the stack in {state} do not end, so end them by hand: {listed}.")
    return ended


def _end(processes: list[psutil.Process]) -> None:
    for process in processes:
        _signal(process, kill=False)
    _, alive = psutil.wait_procs(processes, timeout=TERM_SECONDS)
    for process in alive:
        _signal(process, kill=True)
    psutil.wait_procs(alive, timeout=KILL_SECONDS)


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return  # it ended by itself, which is what was wanted


def _belongs(process: psutil.Process, state: Path, data: Sequence[Path]) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        if process.environ().get("MERIDIAN_STACK") == str(state):
            return True
        return bool(data) and any(Path(process.cwd()).is_relative_to(folder) for folder in data)
    except (psutil.Error, OSError):
        return False  # another user's, or gone by now
