"""Rates and percentiles of orders, from what the functions hosts of a stack export for Prometheus."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from emulators.stack.ports import functions_host, metrics_of
from emulators.stack.stack import Stack

DURATION: Final = "meridian_operation_duration_seconds"
ORDERING: Final = "create_order"
EVERY_SECONDS: Final = 1.0
WINDOW_SECONDS: Final = 10.0
"""Over how long rates are taken at most."""

SCRAPE_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Sample:
    """What a host has counted up to a moment.

    buckets: how many orders took at most so long, by seconds. requests, failed: HTTP requests, and those with a 5xx.
    """

    at: float
    requests: float
    failed: float
    buckets: Mapping[float, float]


@dataclass(frozen=True)
class Rates:
    """A region over the last seconds; None where there is nothing to tell."""

    requests_per_second: float
    failed_per_second: float
    orders_per_second: float
    order_p50_ms: float | None
    order_p99_ms: float | None


class RateWatch:
    """Takes samples when it is asked, one a second at most."""

    def __init__(self, stack: Stack, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: monotonic seconds."""
        self._stack = stack
        self._clock = clock
        self._lock = threading.Lock()
        self._samples: dict[str, deque[Sample]] = {}
        self._sampled_at = float("-inf")

    def read(self) -> dict[str, Rates | None]:
        """By the name of each site where a cell is served: None while it cannot be reached, or was never before."""
        names = [site.name for site in self._stack.served]
        with self._lock:
            if self._clock() - self._sampled_at >= EVERY_SECONDS:
                self._sample(names)
            return {name: between(list(self._samples.get(name, ()))) for name in names}

    def _sample(self, names: list[str]) -> None:
        self._sampled_at = self._clock()
        with ThreadPoolExecutor(len(names)) as pool:
            for name, sample in zip(names, pool.map(self._scrape, names), strict=True):
                if sample is None:
                    self._samples.pop(name, None)
                    continue
                kept = self._samples.setdefault(name, deque())
                if kept and kept[-1].requests > sample.requests:
                    kept.clear()  # it has started anew
                kept.append(sample)
                while kept[0].at < sample.at - WINDOW_SECONDS:
                    kept.popleft()

    def _scrape(self, name: str) -> Sample | None:
        address = self._stack.layout.address(metrics_of(functions_host(name)))
        try:
            text = httpx.get(f"http://{address}/metrics", timeout=SCRAPE_SECONDS).text
        except httpx.TransportError:
            return None  # the region is down
        return parse(text, self._clock())


def parse(text: str, at: float) -> Sample:
    """What a host exports, as a sample of this moment."""
    requests = failed = 0.0
    buckets: dict[float, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples if family.name == DURATION else ():
            if sample.labels["kind"] != "http":
                continue
            if sample.name == f"{DURATION}_count":
                requests += sample.value
                failed += sample.value if sample.labels["outcome"].startswith("5") else 0
            elif sample.name == f"{DURATION}_bucket" and sample.labels["operation"] == ORDERING:
                least = float(sample.labels["le"])
                buckets[least] = buckets.get(least, 0) + sample.value
    return Sample(at, requests, failed, buckets)


def between(samples: list[Sample]) -> Rates | None:
    """The rates between the first and the last of these; None for less than two."""
    if len(samples) < 2:
        return None
    first, last = samples[0], samples[-1]
    seconds = last.at - first.at
    grown = {least: value - first.buckets.get(least, 0) for least, value in sorted(last.buckets.items())}
    return Rates(
        requests_per_second=round((last.requests - first.requests) / seconds, 2),
        failed_per_second=round((last.failed - first.failed) / seconds, 2),
        orders_per_second=round(max(grown.values(), default=0) / seconds, 2),
        order_p50_ms=quantile(grown, 0.5),
        order_p99_ms=quantile(grown, 0.99),
    )


def quantile(buckets: Mapping[float, float], share: float) -> float | None:
    """A quantile in milliseconds, as Prometheus's histogram_quantile interpolates it; None without observations.

    buckets: how many observations are at most so many seconds, in ascending order, +Inf last.
    """
    total = max(buckets.values(), default=0)
    if not total:
        return None
    below, counted = 0.0, 0.0
    for least, count in buckets.items():
        if count >= share * total:
            if least == float("inf"):
                return round(below * 1000, 1)
            inside = (share * total - counted) / (count - counted) if count > counted else 1.0
            return round((below + (least - below) * inside) * 1000, 1)
        below, counted = least, count
    return None
