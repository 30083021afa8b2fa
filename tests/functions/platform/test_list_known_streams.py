"""Who promotes a cell asks how far others know its streams, and lists what the promoted store has lost."""

import json

import pytest

from shared import ids
from shared.contracts.gen.events_pb2 import KnownRequest, KnownResponse
from shared.errors import Forbidden, NotFound
from shared.outbox.known import stored_versions
from shared.outbox.lost_tail import missing
from tests.isolated_services import IsolatedServices

CONSUMER = "capture_hold"


def known(isolated: IsolatedServices, cell: str, after: str = "", consumer: str = CONSUMER) -> dict[str, int]:
    request = KnownRequest(consumer=consumer, cell=cell, after=after)
    answer = isolated.rpc("wallet", "platform").call("Events.Known", request, KnownResponse)
    assert not answer.more
    return {each.stream: each.version for each in answer.streams}


def test_a_consumer_knows_what_it_applied_and_what_it_parked(isolated: IsolatedServices) -> None:
    """Of one cell's streams, as far as they go; a store that is behind that would contradict it."""
    buyer, supply = isolated.new_user(USDC=10_000), isolated.sell(isolated.new_user())
    order, early = (isolated.confirm(isolated.place(buyer, (supply, 1))) for _ in range(2))
    isolated.deliver(CONSUMER, order.id)
    mine = {order.id, early.id}
    applied = known(isolated, "us")
    assert mine & applied.keys() == {order.id}
    database, parked = isolated.resources.database("wallet"), {"consumer": CONSUMER, "early": early.id}
    with database.transaction() as transaction:
        transaction.count(
            "insert into parked (consumer, stream, version, prior, reason, event, parked_at)"
            " values (:consumer, :early, 7, 6, 'gap', '{}', now())",
            parked,
        )
    assert known(isolated, "us") == applied | {early.id: 7}
    assert mine & known(isolated, "us", after=min(mine)).keys() == {max(mine)}
    assert known(isolated, "eu") == {}
    with isolated.resources.database("order").transaction() as transaction:
        stored = stored_versions(transaction, [order.id, ids.new("ord", "us")])
    assert stored[order.id] >= applied[order.id]
    assert len(stored) == 1
    with database.transaction() as transaction:
        transaction.count("delete from parked where consumer = :consumer and stream = :early", parked)


def test_only_the_platform_asks_and_only_for_consumers(isolated: IsolatedServices) -> None:
    with pytest.raises(NotFound):
        known(isolated, "us", consumer="nobody")
    with pytest.raises(Forbidden):
        isolated.rpc("wallet", "order").call("Events.Known", KnownRequest(consumer=CONSUMER), KnownResponse)


def test_the_lost_tail_is_what_the_old_store_has_alone(isolated: IsolatedServices) -> None:
    """Compared by ids: where another event took a lost one's place in a stream, the lost one is listed too."""
    buyer, supply = isolated.new_user(USDC=10_000), isolated.sell(isolated.new_user())
    kept, lost = (isolated.confirm(isolated.place(buyer, (supply, 1))) for _ in range(2))
    old, promoted = (isolated.resources.database(service) for service in ("order", "notification"))
    assert missing(old, old) == []
    with old.transaction() as transaction:
        copied = transaction.run("select * from events where stream = :kept", {"kept": kept.id})
    retried = {**copied[0], "stream": lost.id, "id": ids.new("evt", "us"), "version": 1}
    with promoted.transaction() as transaction:
        for row in [*copied, retried]:
            transaction.count(
                "insert into events (stream, version, id, type, data, metadata, recorded_at)"
                " values (:key, :version, :id, :type, :data, :metadata, :recorded_at)",
                {name: row[name] for name in ("version", "id", "type", "recorded_at")}
                | {"key": row["stream"]}
                | {name: json.dumps(row[name]) for name in ("data", "metadata")},
            )
    found = [event["id"] for event in missing(old, promoted) if event["stream"] in (kept.id, lost.id)]
    assert found == [event.id for event in isolated.stream(lost.id)][::-1]
