"""Reading another service's events."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from emulators.demo.api_user import ApiUser
from functions.wallet.domain.events import WalletOpened
from shared import ids
from shared.contracts.events import StoredEvent
from shared.contracts.gen.events_pb2 import ReadRequest, ReadResponse
from shared.errors import Forbidden
from shared.outbox.log import READ_AT_MOST, EventLog
from shared.registry import load
from shared.rpc.channel import RpcChannel
from tests.database_probe import DatabaseProbe
from tests.isolated_services import IsolatedServices

Rpc = Callable[[str, str], RpcChannel]
HOSTS = [name for name, service in load().services.items() if service.outbox]
CALLERS = load().rows["read_events"].callers


def read(channel: RpcChannel, stream: str, from_version: int = 1) -> list[StoredEvent]:
    response = channel.call("Events.Read", ReadRequest(stream=stream, from_version=from_version), ReadResponse)
    return [msgspec.json.decode(event, type=StoredEvent) for event in response.events]


@pytest.fixture
def streams(
    buyer: ApiUser, on_sale: Callable[..., Any], paid_order: Callable[..., Any], probe: DatabaseProbe
) -> dict[str, tuple[str, list[str]]]:
    """A stream of each service, and the types of its events: what one purchase leaves behind."""
    supply = on_sale(quantity=1)
    order = paid_order(buyer, supply)
    buyer.post("/v1/claims", {"order_id": order["id"]})
    buyer.wait_for(f"/v1/orders/{order['id']}", "status", "claimed")
    buyer.wait_for(f"/v1/supplies/{supply['id']}", "sold", 1)
    return {
        "identity": (buyer.user_id, ["user.created"]),
        "wallet": (ids.sibling(order["id"], "hld"), ["hold.placed", "hold.captured"]),
        "supply": (supply["id"], ["supply.created", "supply.sold_out"]),
        "order": (order["id"], ["order.placed", "order.confirmed", "order.paid", "order.claimed"]),
        "claiming": (ids.sibling(order["id"], "clm"), ["claim.opened", "claim.claimed"]),
    }


def test_every_host_reads_the_streams_of_its_service(rpc: Rpc, streams: dict[str, tuple[str, list[str]]]) -> None:
    """Oldest first, from any version on; to every service that may consume them; and none of another's."""
    assert set(streams) == set(HOSTS)
    for host, (stream, types) in streams.items():
        for caller in CALLERS:
            events = read(rpc(host, caller), stream)
            assert [event.type for event in events] == types
            assert [event.version for event in events] == list(range(1, len(types) + 1))
            assert {event.stream for event in events} == {stream}
        for version in range(len(types) + 2):
            expected = types[max(0, version - 1) :]
            assert [event.type for event in read(rpc(host, "order"), stream, version)] == expected
        for other, (foreign, _) in streams.items():
            assert other == host or read(rpc(host, "order"), foreign) == []


def test_events_are_read_as_they_were_stored(rpc: Rpc, probe: DatabaseProbe, buyer: ApiUser) -> None:
    """Every field, so that a consumer that fills a gap applies what it would have been sent."""
    (stored,) = probe.stream("wallet", buyer.wallet_id)
    assert read(rpc("wallet", "supply"), buyer.wallet_id) == [stored]
    assert stored.data["user_id"] == buyer.user_id


UNKNOWN = ["", "nonsense", "' OR 1=1", "ord_us_01"]


@pytest.mark.parametrize("host", HOSTS)
def test_an_unknown_stream_is_empty(rpc: Rpc, host: str, subtests: pytest.Subtests) -> None:
    """So is what comes after its end."""
    channel = rpc(host, "order")
    for stream in UNKNOWN:
        with subtests.test(stream=stream):
            assert read(channel, stream or ids.new("ord", "us")) == []
            assert read(channel, stream or ids.new("ord", "us"), 2**40) == []


def test_a_long_stream_is_read_in_parts(isolated: IsolatedServices) -> None:
    """At most 500 events come at once; the rest from the version after."""
    stream = ids.new("wal", "us")
    facts = [WalletOpened(stream, f"usr_{number}", "0x00", number) for number in range(READ_AT_MOST + 3)]
    with isolated.resources.database("wallet").transaction() as transaction:
        EventLog(transaction, "us", datetime.now(UTC)).append(stream, 0, facts)
    channel = isolated.rpc("wallet", "order")
    first = read(channel, stream)
    rest = read(channel, stream, first[-1].version + 1)
    assert (len(first), len(rest)) == (READ_AT_MOST, 3)
    assert [event.data["chain_id"] for event in [*first, *rest]] == list(range(READ_AT_MOST + 3))


@pytest.mark.parametrize("host", HOSTS)
def test_only_consumers_may_ask(rpc: Rpc, host: str) -> None:
    """A caller that is no service with consumers is refused on every host."""
    for stranger in {"", "nobody", *load().services} - set(CALLERS):
        with pytest.raises(Forbidden):
            read(rpc(host, stranger), "nonsense")
