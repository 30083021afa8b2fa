"""Operators list parked events, and redrive them."""

import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from emulators.demo.api_user import ApiUser, fresh_key
from functions.platform.list_parked import ListParked
from functions.platform.redrive import Redrive
from functions.platform.views import ParkedView, RedriveOutcomeView
from shared import ids
from shared.contracts.events import StoredEvent
from shared.contracts.gen.events_pb2 import (
    ListParkedRequest,
    ListParkedResponse,
    ListRequest,
    ListResponse,
    RedriveRequest,
    RedriveResponse,
)
from shared.contracts.operations import Caller, Page
from shared.errors import Forbidden, Malformed, MeridianError, NotFound
from shared.outbox import redrive as redriving
from shared.outbox.log import StreamPart
from shared.registry import load
from shared.resources import Resources
from shared.rpc.channel import RpcChannel
from shared.runtime.receiver import inbox
from shared.telemetry.collectors import ParkedEventsCollector
from tests.isolated_services import IsolatedServices
from tests.problems import refused

Rpc = Callable[[str, str], RpcChannel]
CALLER = Caller("usr_us_1", "ses_us_1", frozenset({"operator"}))
HOSTS = [name for name, service in load().services.items() if service.outbox]


@pytest.fixture(scope="module")
def isolated(stack: Any) -> Iterator[IsolatedServices]:
    """Isolated services for these tests alone: they park events, which an audit finds."""
    with IsolatedServices.within(stack) as running:
        yield running


def captured(stream: str, version: int = 1, event_type: str = "hold.captured") -> StoredEvent:
    """A payment of an order that nobody knows: a defect, wherever it is tried."""
    return StoredEvent(
        id=ids.new("evt", "us"),
        type=event_type,
        stream=stream,
        version=version,
        at=datetime.now(UTC),
        data={"order_id": ids.new("ord", "us"), "hold_id": stream},
    )


def parks(isolated: IsolatedServices, *streams: str) -> None:
    """Have a consumer fail at the first event of each, until it gives up."""
    for stream in streams:
        event = captured(stream)
        for _ in range(load().rows["record_payment"].attempts - 1):
            with pytest.raises(MeridianError):
                isolated.receive("record_payment", event)
        assert isolated.receive("record_payment", event) == "parked"


def listed(isolated: IsolatedServices, **params: Any) -> Page[ParkedView]:
    page: Page[ParkedView] = isolated.run("list_parked", request=ListParked(**params))
    return page


def all_listed(isolated: IsolatedServices, limit: int, **params: Any) -> list[ParkedView]:
    """Every page, one after the other."""
    page = listed(isolated, limit=limit, **params)
    found = page.items
    while page.next_cursor:
        page = listed(isolated, limit=limit, cursor=page.next_cursor, **params)
        assert page.items
        found += page.items
    return found


def redriven(isolated: IsolatedServices, streams: list[str] | None = None, dry_run: bool = False) -> RedriveOutcomeView:
    request = Redrive("record_payment", streams, dry_run)
    view: RedriveOutcomeView = isolated.run("redrive", request=request, caller=CALLER)
    return view


def test_parked_streams_are_listed_page_by_page(isolated: IsolatedServices) -> None:
    """By consumer, the newest stream first: its next event, why it failed, how often, since when, and what waits."""
    streams = sorted((ids.new("hld", "us") for _ in range(5)), reverse=True)
    parks(isolated, *streams)
    assert isolated.receive("record_payment", captured(streams[0], 2)) == "parked"
    early = msgspec.structs.replace(captured(ids.new("ord", "us"), 3), type="order.confirmed")
    assert isolated.receive("capture_hold", early) == "parked"
    for limit in (1, 2, 100):
        views = [view for view in all_listed(isolated, limit) if view.stream in streams]
        assert [view.stream for view in views] == streams
    assert {view.consumer for view in all_listed(isolated, 2)} == {"capture_hold", "record_payment"}
    (first, *_) = all_listed(isolated, 3, consumer="record_payment")
    assert (first.stream, first.version, first.events, first.type) == (streams[0], 1, 2, "hold.captured")
    assert (first.reason, first.attempts) == ("failed", load().rows["record_payment"].attempts)
    assert first.error
    assert datetime.now(UTC) - first.since < timedelta(minutes=5)
    (gap,) = [view for view in all_listed(isolated, 3, consumer="capture_hold") if view.stream == early.stream]
    assert (gap.reason, gap.version, gap.type, gap.event_id, gap.error) == ("gap", 1, None, None, None)
    assert any("no_event_failed_for_good" in violation for violation in isolated.violations())


def test_parked_streams_of_several_cells_are_listed_by_age(isolated: IsolatedServices) -> None:
    """Consumers also handle streams of other cells: those made last come first, whatever their cell, on every page."""
    streams = [ids.new("hld", cell) for cell in ("us2", "as", "us", "eu", "us2")]
    parks(isolated, *streams)
    for limit in (1, 2, 100):
        found = [view.stream for view in all_listed(isolated, limit, consumer="record_payment")]
        assert [stream for stream in found if stream in streams] == streams[::-1]
    assert sorted(redriven(isolated, streams, dry_run=True).streams) == sorted(streams)


def test_a_redrive_releases_what_is_named(isolated: IsolatedServices) -> None:
    """A dry run changes nothing; what fails again is parked again; nothing is released that was not requested."""
    streams = [ids.new("hld", "us") for _ in range(3)]
    parks(isolated, *streams)
    assert sorted(redriven(isolated, streams, dry_run=True).streams) == streams
    assert reasons(isolated, streams) == {"failed"}
    view = redriven(isolated, streams[:2])
    assert (sorted(view.streams), view.events, view.left, view.dry_run) == (streams[:2], 2, 0, False)
    assert reasons(isolated, streams[:2]) == {"gap"}
    assert reasons(isolated, streams[2:]) == {"failed"}
    box = inbox(isolated.bound("record_payment"), isolated.resources.clock, "us")
    with isolated.later(timedelta(minutes=10)):
        assert box.fill_gaps(lambda *_: StreamPart([], 0)) == 0
    assert reasons(isolated, streams) == {"failed"}
    assert redriven(isolated, [ids.new("hld", "us")]).streams == []


def reasons(isolated: IsolatedServices, streams: list[str]) -> set[str]:
    sql = "SELECT DISTINCT reason FROM parked WHERE stream = ANY(:streams::text[])"
    return {row["reason"] for row in isolated.probe.rows("order", sql, streams=streams)}


def scraped(resources: Resources, service: str) -> dict[tuple[str, ...], float]:
    """What Prometheus reads of a service's worker of what is parked: each sample by its name and its labels."""
    registry = CollectorRegistry()
    registry.register(
        ParkedEventsCollector(partial(redriving.count_parked, resources.database(service), resources.clock))
    )
    families = list(text_string_to_metric_families(generate_latest(registry).decode()))
    assert [family.name for family in families] == ["meridian_parked_events", "meridian_parked_oldest_seconds"]
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_parked_events_are_counted_for_prometheus(isolated: IsolatedServices) -> None:
    """An alert finds it by its consumer, until it was redriven; the age of the oldest is exported too."""
    failed = ("record_release", "failed")
    assert ("meridian_parked_events", *failed) not in scraped(isolated.resources, "order")
    event = captured(ids.new("hld", "us"), event_type="hold.released")
    for _ in range(load().rows["record_release"].attempts - 1):
        with pytest.raises(MeridianError):
            isolated.receive("record_release", event)
    assert isolated.receive("record_release", event) == "parked"
    with isolated.later(timedelta(hours=1)):
        metrics = scraped(isolated.resources, "order")
    assert metrics["meridian_parked_events", *failed] == 1
    assert metrics["meridian_parked_oldest_seconds", *failed] == pytest.approx(3600, abs=300)
    isolated.run("redrive", request=Redrive("record_release", [event.stream]), caller=CALLER)
    assert ("meridian_parked_events", *failed) not in scraped(isolated.resources, "order")


def test_a_database_that_is_away_does_not_fail_a_scrape(isolated: IsolatedServices) -> None:
    """The counts are left out, and its circuit breaker shows why."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = Resources(replace(isolated.settings, database_port=nobody.getsockname()[1]))
        assert scraped(away, "order") == {}
    (reading,) = [each for each in away.breakers() if each.name == "database order"]
    assert reading.failures == 1


def test_no_more_is_released_than_a_cap(isolated: IsolatedServices, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is reported, and released by the next redrive."""
    monkeypatch.setattr(redriving, "AT_MOST", 2)
    streams = [ids.new("hld", "us") for _ in range(3)]
    parks(isolated, *streams)
    view = redriven(isolated, streams)
    assert (view.streams, view.left) == (streams[:2], 1)


def test_the_command_line_does_the_same(
    isolated: IsolatedServices, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """python -m shared.outbox.redrive."""
    stream = ids.new("hld", "us")
    parks(isolated, stream)
    monkeypatch.setattr(redriving, "resources", lambda: isolated.resources)
    assert redriving.main(["record_payment", "--stream", stream, "--dry-run"]) == 0
    assert capsys.readouterr().out == "1 streams with 1 events would be released, 0 left\n"
    assert reasons(isolated, [stream]) == {"failed"}
    assert redriving.main(["record_payment", "--stream", stream]) == 0
    assert reasons(isolated, [stream]) == {"gap"}


@pytest.mark.parametrize("params", [{"consumer": "nobody"}, {"consumer": "create_order"}, {"consumer": ""}])
def test_a_consumer_is_one_that_there_is(isolated: IsolatedServices, params: dict[str, Any]) -> None:
    """Other names can neither be redriven nor listed."""
    with pytest.raises(Malformed):
        isolated.run("redrive", request=Redrive(**params), caller=CALLER)
    with pytest.raises(Malformed):
        listed(isolated, **params)


@pytest.mark.parametrize("cursor", ["", "nonsense", "!", "bm9ib2R5IHN0cmVhbQ==", "cmVjb3JkX3BheW1lbnQ=", "AAAA"])
def test_a_cursor_is_one_of_this_list(operator: ApiUser, cursor: str) -> None:
    """Anything else is 400."""
    refused(operator.request("GET", f"/v1/operator/parked?cursor={cursor}"), 400, "VALIDATION_FAILED", "cursor")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"consumer": 1},
        {"consumer": "nobody"},
        {"consumer": "record_payment", "streams": []},
        {"consumer": "record_payment", "streams": ["nonsense"]},
        {"consumer": "record_payment", "streams": [None]},
        {"consumer": "record_payment", "streams": "all"},
        {"consumer": "record_payment", "dry_run": "yes"},
        {"consumer": "record_payment", "rate": 5},
    ],
)
def test_a_malformed_redrive_is_refused(operator: ApiUser, body: dict[str, Any]) -> None:
    """It is 400."""
    refused(operator.request("POST", "/v1/operator/parked/redrive", body, fresh_key()), 400, "VALIDATION_FAILED")


def test_operators_ask_through_the_edge(operator: ApiUser) -> None:
    """The answers are the contract's."""
    page = operator.get("/v1/operator/parked?consumer=capture_hold&limit=5")
    assert set(page) == {"items", "next_cursor"}
    answer = operator.post("/v1/operator/parked/redrive", {"consumer": "capture_hold", "dry_run": True})
    assert set(answer) == {"consumer", "dry_run", "streams", "events", "left"}


def test_they_need_a_token_with_their_scope(guarded: Callable[..., None]) -> None:
    """operator."""
    guarded("list_parked", "/v1/operator/parked")
    guarded("redrive", "/v1/operator/parked/redrive", {"consumer": "record_payment"})


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_knows_its_own_consumers(rpc: Rpc, host: str) -> None:
    """Another service's are not found there; and only the platform may ask."""
    for consumer in ("nobody", *(row.name for row in load().event_rows() if row.service != host)):
        with pytest.raises(NotFound):
            rpc(host, "platform").call("Events.ListParked", ListParkedRequest(consumer=consumer), ListParkedResponse)
        with pytest.raises(NotFound):
            rpc(host, "platform").call("Events.Redrive", RedriveRequest(consumer=consumer), RedriveResponse)
    for stranger in ("", "nobody", "order"):
        with pytest.raises(Forbidden):
            rpc(host, stranger).call("Events.Redrive", RedriveRequest(consumer="record_payment"), RedriveResponse)


@pytest.mark.parametrize("host", HOSTS)
def test_every_host_lists_its_streams(rpc: Rpc, host: str, buyer: ApiUser, on_sale: Callable[..., Any]) -> None:
    """All of them are found, page by page, each at its last version; from a time on only what came since."""
    on_sale()
    channel = rpc(host, "order")
    found: dict[str, int] = {}
    position, more = 0, True
    while more:
        page = channel.call("Events.List", ListRequest(after=position), ListResponse)
        assert page.position >= position
        found |= {each.stream: max(each.version, found.get(each.stream, 0)) for each in page.streams}
        position, more = page.position, page.more
    known = {"identity": buyer.user_id, "wallet": buyer.wallet_id}.get(host)
    assert known is None or found[known] == 1
    late = channel.call("Events.List", ListRequest(since=datetime.now(UTC) + timedelta(days=1)), ListResponse)
    assert list(late.streams) == []
