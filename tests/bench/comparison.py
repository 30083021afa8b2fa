"""Comparison of speeds, measured in turns so that other load on the machine slows down both.

A bench is a function that returns a Comparison; __main__.py lists them.
"""

import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROUNDS: Final = 5
ROUND_SECONDS: Final = 0.5

Rate = Callable[[], float]
"""Repeats something for a while, and returns how often per second."""


@dataclass(frozen=True)
class Comparison:
    """A measurement.

    ours, other: times per second, the median of the rounds. ratio: the median of the rounds' ratios.
    at_least: the required ratio; 0 for none.
    """

    name: str
    other_name: str
    ours: float
    other: float
    ratio: float
    at_least: float

    @property
    def passed(self) -> bool:
        """Whether the required ratio was reached."""
        return self.ratio >= self.at_least


def compared(name: str, ours: Rate, other_name: str, other: Rate, at_least: float) -> Comparison:
    """Measure two rates in turns."""
    for rate in (ours, other):
        rate()  # warm up, so that one-time work such as imports is not compared
    rounds = [(ours(), other()) for _ in range(ROUNDS)]
    return Comparison(
        name=name,
        other_name=other_name,
        ours=statistics.median(mine for mine, _ in rounds),
        other=statistics.median(theirs for _, theirs in rounds),
        ratio=statistics.median(mine / theirs for mine, theirs in rounds),
        at_least=at_least,
    )


def calls(function: Callable[[], object], seconds: float = ROUND_SECONDS) -> Rate:
    """The rate of sequential calls of a function."""

    def rate() -> float:
        count, began = 0, time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds:
            for _ in range(10):
                function()
            count += 10
        return count / passed

    return rate


def calls_after(before: Callable[[], object], function: Callable[[], object]) -> Rate:
    """As `calls`, with `before` run ahead of each call, whose time is not counted."""

    def rate() -> float:
        count, passed = 0, 0.0
        while passed < ROUND_SECONDS:
            before()
            began = time.perf_counter()
            function()
            passed += time.perf_counter() - began
            count += 1
        return count / passed

    return rate


@contextmanager
def program(command: Sequence[str | Path], given: str) -> Iterator[Rate]:
    """The rate that another program measures: it reads its input from a first line, then measures once per line.

    command: prints a rate for each line after the first. Raises RuntimeError when it exits.
    """
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        writing, reading = process.stdin, process.stdout
        writing.write(f"{given}\n")

        def rate() -> float:
            writing.write("again\n")
            writing.flush()
            answer = reading.readline()
            if not answer:
                raise RuntimeError(f"{command[0]} ended: make bench installs what it needs")
            return float(answer)

        try:
            yield rate
        finally:
            process.kill()
