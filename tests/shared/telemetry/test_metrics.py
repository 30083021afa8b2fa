"""Prometheus can scrape the metrics of every process."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families as parsed

from emulators.demo.api_user import ApiUser
from emulators.stack.ports import events_host, functions_host, metrics_of, poller, relay
from emulators.stack.stack import REGIONS, Stack
from emulators.waiting import until
from shared.registry import Row, load
from shared.telemetry.catalogue import METRICS, document
from shared.telemetry.collectors import BreakerCollector

ROOT = Path(__file__).parents[3]
COUNT = "meridian_operation_duration_seconds_count"
LAST_SUCCESS = "meridian_last_success_timestamp_seconds"


def samples(client: httpx.Client, stack: Stack, program: str) -> dict[tuple[str, ...], float]:
    """A process's metrics: each sample by its name and label values."""
    text = client.get(f"http://127.0.0.1:{stack.ports[metrics_of(program)]}/metrics").text
    return {
        (sample.name, *sample.labels.values()): sample.value for family in parsed(text) for sample in family.samples
    }


def programs(stack: Stack) -> Iterator[str]:
    """The processes that count."""
    for name in stack.ports:
        if name.endswith(metrics_of("")):
            yield name.removesuffix(metrics_of(""))


def test_every_process_of_ours_tells(stack: Stack, edge: httpx.Client) -> None:
    """Functions and events hosts, RPC hosts, relays and pollers."""
    scraped = {name: samples(edge, stack, name) for name in programs(stack)}
    assert {name.split("-")[0] for name in scraped} == {"functions", "events", "rpc", "relay", "poller"}
    assert all(any(name == "python_info" for name, *_ in found) for found in scraped.values())


def test_the_edge_shows_what_the_functions_count(edge: httpx.Client) -> None:
    """In the cloud only to what is inside; nothing of it is of a user."""
    answer = edge.get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    names = {family.name for family in parsed(answer.text)}
    assert {"meridian_operation_duration_seconds", "meridian_breaker_state"} <= names


def test_the_catalogue_describes_all_of_them(stack: Stack, edge: httpx.Client) -> None:
    """What processes export is what it lists: kinds and labels too. Replication lag needs another cell."""
    found: dict[str, Any] = {}
    for name in programs(stack):
        text = edge.get(f"http://127.0.0.1:{stack.ports[metrics_of(name)]}/metrics").text
        found |= {each.name: each for each in parsed(text) if each.name.startswith("meridian_")}
    known = {each.name: each for each in METRICS if each.name != "meridian_replication_lag_seconds"}
    assert found.keys() == known.keys()
    for name, family in found.items():
        assert family.type == known[name].kind
        assert {frozenset(each.labels) - {"le"} for each in family.samples} <= {frozenset(known[name].labels)}


def test_the_reference_is_generated() -> None:
    """docs/metrics.md is made of the catalogue."""
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == document()


def test_events_are_counted_on_their_way(
    stack: Stack, edge: httpx.Client, on_sale: Any, buyer: ApiUser, paid_order: Callable[..., dict[str, Any]]
) -> None:
    """Published by their type, and received by their consumers: how long that took, and how far the order had come."""
    paid_order(buyer, on_sale())
    relayed = until(
        lambda: samples(edge, stack, relay("order", REGIONS[0])),
        lambda found: bool(found.get(("meridian_events_published_total", "order.paid"))),
    )
    count = relayed["meridian_event_stage_seconds_count", "order.paid"]
    assert 0 < relayed["meridian_event_stage_seconds_sum", "order.paid"] < 600 * count
    received = samples(edge, stack, events_host(REGIONS[0]))
    assert received["meridian_events_received_total", "capture_hold", "applied"] > 0
    assert received["meridian_event_handled_seconds_count", "capture_hold"] > 0


def test_dependencies_are_timed(stack: Stack, edge: httpx.Client, buyer: ApiUser) -> None:
    """Each by the name of its breaker; a database's places are its pool."""
    buyer.get("/v1/wallets")
    found = samples(edge, stack, functions_host(REGIONS[0]))
    assert found["meridian_dependency_duration_seconds_count", "database wallet"] > 0
    assert found["meridian_breaker_places", "database wallet"] >= found["meridian_breaker_under_way", "database wallet"]
    assert found["meridian_rate_limit_decisions_total", "admitted", "read", "user"] > 0
    assert found["meridian_start_seconds", "function"] > 0


def test_requests_are_counted_by_operation_and_outcome(stack: Stack, edge: httpx.Client, buyer: ApiUser) -> None:
    """A success, a refusal and an unknown path each under its status, an RPC under OK or its code."""
    host, wallets = functions_host(REGIONS[0]), f"rpc-wallet-{REGIONS[0]}"
    before, behind = samples(edge, stack, host), samples(edge, stack, wallets)
    buyer.get("/v1/wallets")
    edge.get("/v1/wallets")
    edge.get("/nowhere")
    after = samples(edge, stack, host)
    for operation, outcome in (("list_wallets", "200"), ("list_wallets", "401"), ("unmatched", "404")):
        assert after[COUNT, "http", operation, outcome] > before.get((COUNT, "http", operation, outcome), 0)
    assert behind[COUNT, "rpc", "open_default_wallet", "OK"] > 0  # at the sign-in


def test_workers_tell_what_is_parked(stack: Stack, edge: httpx.Client) -> None:
    """Each beside the database that its consumers park in; how much it is, is tested where it is parked."""
    for service, found in load().services.items():
        if found.database:
            port = stack.ports[metrics_of(relay(service, REGIONS[0]))]
            families = parsed(edge.get(f"http://127.0.0.1:{port}/metrics").text)
            assert {"meridian_parked_events", "meridian_parked_oldest_seconds"} <= {each.name for each in families}


@pytest.mark.parametrize("row", [row for row in load().rows.values() if row.worker], ids=lambda row: row.name)
def test_workers_tell_when_a_polling_row_last_succeeded(stack: Stack, edge: httpx.Client, row: Row) -> None:
    """The one that runs it: within a minute, whatever else it does."""
    name = {"relay": relay, "poller": poller}[row.worker or ""](row.service, REGIONS[0])
    found = until(lambda: samples(edge, stack, name), lambda seen: bool(seen.get((LAST_SUCCESS, row.name))))
    assert time.time() - found[LAST_SUCCESS, row.name] < 60
    assert found[COUNT, "poll", row.name, "OK"] > 0


def test_no_label_comes_from_a_caller(stack: Stack, edge: httpx.Client) -> None:
    """Whatever is requested, the label values are rows and statuses."""
    for number in range(20):
        edge.get(f"/nowhere/{number}")
        edge.request(f"METHOD{number}", "/health")
    scraped = [name for name in samples(edge, stack, functions_host(REGIONS[0])) if name[0] == COUNT]
    assert {name[2] for name in scraped} <= {*load().rows, "unmatched"}
    assert all(re.fullmatch("[2-5][0-9][0-9]", name[3]) for name in scraped)


@dataclass
class Reading:
    """A breaker's."""

    name: str
    state: str
    calls: int = 3
    failures: int = 2
    refused: int = 1
    under_way: int = 4
    places: int = 8


@pytest.mark.parametrize("state", ["closed", "half_open", "open"])
def test_breakers_are_reported(state: str) -> None:
    """The state and counters of each."""
    readings = [Reading("redis", state)]
    scraped = {
        (sample.name, *sample.labels.values()): sample.value
        for family in BreakerCollector(lambda: readings).collect()
        for sample in family.samples
    }
    assert {name[2] for name, value in scraped.items() if name[0] == "meridian_breaker_state" and value} == {state}
    assert {name[1] for name in scraped} == {"redis"}
    assert (scraped["meridian_breaker_calls_total", "redis"], scraped["meridian_breaker_failures_total", "redis"]) == (
        3,
        2,
    )
    assert (scraped["meridian_breaker_refused_total", "redis"], scraped["meridian_breaker_under_way", "redis"]) == (
        1,
        4,
    )
