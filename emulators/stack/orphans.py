"""Finds and terminates the processes of a stack, including orphans whose supervisor was killed.

Each has MERIDIAN_STACK=<state folder> in its environment. PostgreSQL's children overwrite that memory with their
process titles, so they are recognised by their working directory, the data folder of the stack.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil

from emulators.stack.errors import StackError

TERM_SECONDS: Final = 4
KILL_SECONDS: Final = 4
ROUNDS: Final = 3
"""Processes forked during one round of termination need another."""


def find(state: Path, data: Sequence[Path] = ()) -> list[psutil.Process]:
    """The processes of the stack with this state folder.

    data: folders that are the working directory of the stack's processes only.
    """
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [process for process in psutil.process_iter() if process.pid not in own and _belongs(process, state, data)]


def terminate(state: Path, data: Sequence[Path] = ()) -> int:
    """Terminate every process of a stack, and kill those left after TERM_SECONDS. Returns how many there were.

    Raises StackError when one survives.
    """
    terminated = 0
    for _ in range(ROUNDS):
        processes = find(state, data)
        if not processes:
            return terminated
        terminated += len(processes)
        _end(processes)
    remaining = find(state, data)
    if remaining:
        listed = ", ".join(f"{process.pid}" for process in remaining)
        raise StackError(f"These processes of the stack in {state} do not exit, so kill them by hand: {listed}.")
    return terminated


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
        return  # it has exited already


def _belongs(process: psutil.Process, state: Path, data: Sequence[Path]) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        if process.environ().get("MERIDIAN_STACK") == str(state):
            return True
        return bool(data) and any(Path(process.cwd()).is_relative_to(folder) for folder in data)
    except (psutil.Error, OSError):
        return False  # another user's, or it has exited
