"""One purchase is one trace, from the edge to the webhook, and `make trace` shows it as a tree."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emulators import trace_view
from emulators.demo.api_user import ApiUser, fresh_key
from emulators.stack.stack import Stack
from emulators.trace_view import Node
from emulators.waiting import until
from shared.resources import Resources
from tests.webhook_receiver import WebhookReceiver

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def paths(nodes: "list[Node] | tuple[Node, ...]", above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The names of the spans from the top to each one."""
    for node in nodes:
        path = (*above, node.stored.span.name)
        yield path
        yield from paths(list(node.children), path)


def below(found: list[tuple[str, ...]], *names: str) -> bool:
    """Whether there is a span under others of these names, in this order, whatever is between them."""

    def has(path: tuple[str, ...]) -> bool:
        left = iter(path)
        return all(name in left for name in names)

    return any(has(path) for path in found)


@pytest.fixture
def hooked(buyer: ApiUser) -> Iterator[WebhookReceiver]:
    """A webhook of the buyer's."""
    with WebhookReceiver() as receiver:
        buyer.post("/v1/webhooks", {"url": receiver.url, "events": ["order.paid"]})
        yield receiver


def test_a_purchase_is_one_trace(
    stack: Stack,
    resources: Resources,
    buyer: ApiUser,
    hooked: WebhookReceiver,
    on_sale: Callable[..., dict[str, Any]],
) -> None:
    """Edge, function, RPC, database, outbox, events, webhook: each under what caused it, by the caller's trace id."""
    trace = f"{TRACE[:-12]}{buyer.user_id[-12:].encode().hex()[:12]}"
    body = {"wallet_id": buyer.wallet_id, "items": [{"supply_id": on_sale()["id"], "quantity": 1}]}
    more = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "Idempotency-Key": fresh_key()}
    order = buyer.request("POST", "/v1/orders", body, more=more).json()
    buyer.wait_for(f"/v1/orders/{order['id']}", "status", "paid")
    until(lambda: hooked.received, bool)
    assert trace_view.traces_of(order["id"], resources) == [trace]

    def recorded() -> list[tuple[str, ...]]:
        return list(paths(trace_view.tree(trace_view.read(stack.layout.traces, trace))))

    found = until(recorded, lambda seen: below(seen, "webhook"))
    assert below(found, "edge", "create_order", "Supply.Reserve", "Supply.Reserve", "database supply")
    assert below(found, "create_order", "Wallet.PlaceHold", "Wallet.PlaceHold", "database wallet")
    paid = ("outbox order.confirmed", "capture_hold", "outbox hold.captured", "record_payment", "outbox order.paid")
    assert below(found, "edge", "create_order", *paid, "open_claim")
    assert below(found, *paid, "notify_users", "webhook")
    headers = {name.lower(): value for name, value in hooked.received[0].headers.items()}
    assert headers["traceparent"].split("-")[1] == trace
    text = "\n".join(trace_view.shown(stack, order["id"]))
    assert "create_order 201" in text
    assert "capture_hold order.confirmed" in text


def test_what_is_not_sampled_is_not_recorded(stack: Stack, buyer: ApiUser) -> None:
    """The caller's decision holds, but for a failure; ids go on in any case."""
    trace = f"aaaa{TRACE[4:-12]}{buyer.user_id[-12:].encode().hex()[:12]}"
    answer = buyer.request("GET", "/v1/wallets", more={"traceparent": f"00-{trace}-00f067aa0ba902b7-00"})
    assert answer.status_code == 200
    sampled = f"bbbb{trace[4:]}"
    buyer.request("GET", "/v1/wallets", more={"traceparent": f"00-{sampled}-00f067aa0ba902b7-01"})
    until(lambda: trace_view.read(stack.layout.traces, sampled), bool)
    assert trace_view.read(stack.layout.traces, trace) == []
