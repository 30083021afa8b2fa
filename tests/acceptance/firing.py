"""What fires on the Prometheus of a running stack whose rules are in a hurry; and which alerts tests cause for real."""

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar
from unittest.mock import patch

import httpx
import yaml

from cloudbuild.observability.alerts import ALERTS, BY_NAME
from cloudbuild.observability.generate import rules
from emulators.stack.parts import observe
from emulators.stack.stack import Stack
from emulators.waiting import until

SCRAPED_EVERY: Final = "2s"
EVALUATED_EVERY: Final = "1s"
FIRES_SECONDS: Final = 120.0
"""How long an alert may take, its condition lasting: some condition has to last for a minute of a hurried time."""

SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
DURATION: Final = re.compile(r"(\d+)([smhd])")
WINDOW: Final = re.compile(r"\[(\d+[smhd])\]")

Test = TypeVar("Test", bound=Callable[..., None])

CAUSED: Final[set[str]] = set()
"""The alerts that tests cause for real."""


def causes(*alerts: str) -> Callable[[Test], Test]:
    """Marks a test that causes the conditions of alerts on a running stack, and sees them fire."""
    assert set(alerts) <= BY_NAME.keys()
    CAUSED.update(alerts)
    return lambda test: test


def sooner(duration: str, times: int) -> str:
    """A duration of Prometheus, shorter by a factor, in whole seconds."""
    found = DURATION.fullmatch(duration)
    assert found, duration
    return f"{int(found[1]) * SECONDS[found[2]] // times}s"


def hurried(times: int) -> dict[str, Any]:
    """The rules with all their durations shorter by a factor; with 60 what takes minutes takes seconds.

    These are how long a condition has to last, the windows of rates, and the ages that are looked at. All else stays
    as it is: shares, counts, the bounds of histograms; and how often processes measure.
    """
    document = rules([replace(each, older_than_seconds=each.older_than_seconds // times) for each in ALERTS])
    for group in document["groups"]:
        group["interval"] = EVALUATED_EVERY
        for rule in group["rules"]:
            rule["expr"] = WINDOW.sub(lambda found: f"[{sooner(found[1], times)}]", rule["expr"])
            if "for" in rule:
                rule["for"] = sooner(rule["for"], times)
    return document


@contextmanager
def observed_in_a_hurry(folder: Path, times: int, **wanted: Any) -> Iterator[tuple[Stack, "Firing"]]:
    """A stack with Prometheus and Alertmanager, as with OBSERVE=1, whose rules are in a hurry.

    folder: the stack's. times: as in hurried. wanted: more of its parameters.
    """
    document = folder / "hurried.yaml"
    document.write_text(yaml.safe_dump(hurried(times)), encoding="utf-8")
    with patch.object(observe, "RULES", document), patch.object(observe, "EVERY", SCRAPED_EVERY):
        stack = Stack(folder / "stack", free_ports=True, observed=True, **wanted).up()
    try:
        yield stack, Firing(stack)
    finally:
        stack.down()


class Firing:
    """The alerts of a stack's Prometheus, and of its Alertmanager."""

    def __init__(self, stack: Stack) -> None:
        self._http = httpx.Client(timeout=30)
        self._prometheus, self._alertmanager = (f"http://{stack.layout.address(name)}" for name in observe.NAMES)

    def now(self) -> list[dict[str, str]]:
        """The labels of each alert that fires."""
        found = self._http.get(f"{self._prometheus}/api/v1/alerts").raise_for_status().json()["data"]["alerts"]
        return [each["labels"] for each in found if each["state"] == "firing"]

    def received(self) -> set[str]:
        """The names of the alerts that have reached Alertmanager."""
        found = self._http.get(f"{self._alertmanager}/api/v2/alerts").raise_for_status().json()
        return {each["labels"]["alertname"] for each in found}

    def has(self, series: str) -> bool:
        """Whether Prometheus has scraped a series."""
        answer = self._http.get(f"{self._prometheus}/api/v1/query", params={"query": series}).raise_for_status()
        return bool(answer.json()["data"]["result"])

    def fires(self, alert: str, **labels: str) -> bool:
        """Whether an alert fires with these labels, and whatever others."""
        wanted = {"alertname": alert, **labels}.items()
        return any(wanted <= each.items() for each in self.now())

    def until(self, alert: str, within_seconds: float = FIRES_SECONDS, **labels: str) -> None:
        """Wait until an alert fires with these labels. Raises TimeoutError."""
        self._until(alert, True, within_seconds, labels)

    def until_quiet(self, alert: str, **labels: str) -> None:
        """Wait until it does not: what is caused next is why it fires then. Raises TimeoutError."""
        self._until(alert, False, FIRES_SECONDS, labels)

    def _until(self, alert: str, expected: bool, within_seconds: float, labels: dict[str, str]) -> None:
        until(lambda: (self.fires(alert, **labels), self.now()), lambda seen: seen[0] == expected, within_seconds, 0.25)


@contextmanager
def meanwhile(*actions: Callable[[], object], every_seconds: float = 0.1) -> Iterator[None]:
    """Do these again and again beside a block, each in a thread of its own. Raises what one of them raises."""
    stop = threading.Event()

    def repeat(action: Callable[[], object]) -> None:
        while not stop.is_set():
            action()
            stop.wait(every_seconds)

    with ThreadPoolExecutor(len(actions)) as pool:
        running = [pool.submit(repeat, action) for action in actions]
        try:
            yield
        finally:
            stop.set()
    for each in running:
        each.result()
