"""Comparison of speeds, measured in turns so that other load on the machine slows down both.

A bench is a function that returns one or several comparisons or measurements; __main__.py lists them.
"""

import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.goals import Measurement

ROUNDS: Final = 5
ROUND_SECONDS: Final = 0.5

Rate = Callable[[], float]
"""Repeats something for a while, and returns how often per second."""


@dataclass(frozen=True)
class Comparison:
    """Two rates, measured in turns.

    name: of its row in goals.py. ours, other: times per second, one for each round.
    """

    name: str
    other_name: str
    ours: Sequence[float]
    other: Sequence[float]

    @property
    def measurement(self) -> Measurement:
        """The ratio of each round."""
        ratios = [mine / theirs for mine, theirs in zip(self.ours, self.other, strict=True)]
        figures = f"{statistics.median(self.ours):,.0f}/s, {self.other_name} {statistics.median(self.other):,.0f}/s"
        return Measurement(self.name, ratios, figures)


def compared(name: str, ours: Rate, other_name: str, other: Rate) -> Comparison:
    """Measure two rates in turns."""
    found = in_turns({"ours": ours, "other": other})
    return Comparison(name, other_name, found["ours"], found["other"])


def in_turns(rates: Mapping[str, Rate], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Measure rates in turns, so that what slows the machine down slows down all of them; by name, one a round."""
    for rate in rates.values():
        rate()  # warm up, so that one-time work such as imports is not compared
    found: dict[str, list[float]] = {name: [] for name in rates}
    for _ in range(rounds):
        for name, rate in rates.items():
            found[name].append(rate())
    return found


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
