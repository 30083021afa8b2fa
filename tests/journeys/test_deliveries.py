"""Events that are delivered repeatedly, out of order or not at all: every effect happens once."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import astuple
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser
from emulators.waiting import until
from shared.contracts.events import StoredEvent
from shared.registry import load
from tests.conftest import FUNDS
from tests.database_probe import DatabaseProbe
from tests.triggers import Triggers

OnSale = Callable[..., dict[str, Any]]

SERVICES = [name for name, service in load().services.items() if service.database]


def deliveries(probe: DatabaseProbe, streams: Iterable[str]) -> dict[tuple[str, str], list[StoredEvent]]:
    """What each consumer receives of these streams, by (consumer, stream)."""
    rows = [row for row in load().event_rows() if row.cells != "others"]  # the stack has no other cells
    every = {(row.name, each): probe.delivered(row.name, each) for each in streams for row in rows}
    return {place: events for place, events in every.items() if events}


def everything(probe: DatabaseProbe, order_id: str, *wallets: str) -> Any:
    """Everything that one purchase has stored, including its events."""
    streams = probe.streams_of(order_id)
    return (
        astuple(probe.account(order_id)),
        sorted(probe.postings(order_id)),
        [probe.money(wallet_id) for wallet_id in wallets],
        {stream: [event.id for event in events] for stream, events in streams.items()},
    )


def inboxes(probe: DatabaseProbe, streams: list[str]) -> dict[tuple[str, str], int]:
    """The inbox position of each consumer in these streams, by (consumer, stream)."""
    sql = "SELECT consumer, stream, version FROM inbox WHERE stream = ANY(:streams::text[])"
    rows = [row for service in SERVICES for row in probe.rows(service, sql, streams=streams)]
    return {(row["consumer"], row["stream"]): row["version"] for row in rows}


def parked(probe: DatabaseProbe, streams: list[str]) -> int:
    """How many events of these streams are parked behind a gap."""
    sql = "SELECT version FROM parked WHERE stream = ANY(:streams::text[])"
    return sum(len(probe.rows(service, sql, streams=streams)) for service in SERVICES)


@pytest.fixture(params=["claimed", "paid", "cancelled", "failed"])
def purchase(
    request: pytest.FixtureRequest,
    buyer: ApiUser,
    on_sale: OnSale,
    ordered: Callable[..., dict[str, Any]],
    probe: DatabaseProbe,
    pause_order_relay: Callable[[], AbstractContextManager[None]],
) -> str:
    """An order in one final state, with all its events delivered."""
    supply, status = on_sale(), request.param
    if status == "failed":
        body = {"wallet_id": buyer.wallet_id, "items": [{"supply_id": supply["id"], "quantity": 11}]}
        order_id = buyer.request("POST", "/v1/orders", body, "failed-" + supply["id"]).json()["order_id"]
    elif status == "cancelled":
        with pause_order_relay():
            order_id = ordered(buyer, supply)["id"]
            buyer.post(f"/v1/orders/{order_id}/cancel")
    else:
        order_id = ordered(buyer, supply)["id"]
        probe.settled(order_id)
        if status == "claimed":
            buyer.post("/v1/claims", {"order_id": order_id})
            buyer.wait_for(f"/v1/orders/{order_id}", "status", "claimed")
    assert probe.settled(order_id).status == status
    if status == "failed":  # an event makes the tombstone of the hold, which has events of its own
        probe.until(order_id, lambda account: account.hold == "released")
    streams = list(probe.streams_of(order_id))
    wanted = {place: events[-1].version for place, events in deliveries(probe, streams).items()}
    until(lambda: inboxes(probe, streams), lambda seen: seen == wanted)
    return str(order_id)


def test_events_that_come_again_change_nothing(
    purchase: str, buyer: ApiUser, merchant: ApiUser, probe: DatabaseProbe, triggers: Triggers
) -> None:
    """Every event of the purchase, three times in reverse order, to every consumer: known, and without effect."""
    before = everything(probe, purchase, buyer.wallet_id, merchant.wallet_id)
    for (consumer, _), events in deliveries(probe, probe.streams_of(purchase)).items():
        for event in reversed([event for event in events for _ in range(3)]):
            assert triggers.received(consumer, event) == "known"
    assert everything(probe, purchase, buyer.wallet_id, merchant.wallet_id) == before


def test_effects_happen_once_even_where_an_inbox_was_lost(
    purchase: str, buyer: ApiUser, merchant: ApiUser, probe: DatabaseProbe, triggers: Triggers
) -> None:
    """Consumers whose inbox has lost the streams get every event three times in reverse order.

    What comes too early waits, the first one has all of it applied in order, and the effects find themselves done.
    """
    before = everything(probe, purchase, buyer.wallet_id, merchant.wallet_id)
    streams = list(probe.streams_of(purchase))
    reached = inboxes(probe, streams)
    for service in SERVICES:
        sql = "DELETE FROM inbox WHERE stream = ANY(:streams::text[]) RETURNING stream"
        probe.rows(service, sql, streams=streams)
    for (consumer, _), events in deliveries(probe, streams).items():
        for event in reversed(events):
            answers = [triggers.received(consumer, event) for _ in range(3)]
            assert answers == (["applied", "known", "known"] if event.prior == 0 else ["parked"] * 3)
    assert inboxes(probe, streams) == reached
    assert parked(probe, streams) == 0
    assert everything(probe, purchase, buyer.wallet_id, merchant.wallet_id) == before


def test_a_gap_is_filled_from_the_source(
    buyer: ApiUser,
    on_sale: OnSale,
    ordered: Callable[..., dict[str, Any]],
    probe: DatabaseProbe,
    triggers: Triggers,
    pause_order_relay: Callable[[], AbstractContextManager[None]],
) -> None:
    """An event that may follow a lost one: the consumer reads what it lacks from the order service, and continues."""
    with pause_order_relay():
        order_id = ordered(buyer, on_sale())["id"]
        _, confirmed = probe.stream("order", order_id)
        assert triggers.received("capture_hold", confirmed) == "parked"
        assert probe.account(order_id).hold == "placed"
        sql = "UPDATE parked SET parked_at = parked_at - interval '10 seconds' WHERE stream = :id RETURNING reason"
        assert probe.rows("wallet", sql, id=order_id) == [{"reason": "gap"}]
        probe.until(order_id, lambda account: (account.status, account.hold) == ("paid", "captured"))
        assert inboxes(probe, [order_id])["capture_hold", order_id] == 2
        assert parked(probe, [order_id]) == 0
    assert probe.settled(order_id).status == "paid"
    assert probe.money(buyer.wallet_id) == (FUNDS - 1000, 0)
