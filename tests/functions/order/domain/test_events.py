"""The events of an order match their contract, shared/contracts/order_events.proto."""

import msgspec
import pytest
from google.protobuf import json_format

from functions.order.domain.events import OrderEvent
from functions.order.domain.order import Order
from shared.contracts.encode import to_json
from shared.contracts.events import message_class
from tests.functions.order.samples import pending, placed, terms

ORDER: Order = pending([(terms(unit_price=2**200), 2), (terms(), 10**9)])
FACTS: list[OrderEvent] = [
    placed(),
    *ORDER.confirm(),
    *ORDER.pay(),
    *ORDER.fail("SOLD_OUT", "Nothing is left."),
    *ORDER.cancel(),
    *ORDER.expire(),
    *ORDER.claim("clm_us_x"),
    *ORDER.mature(),
    *ORDER.complete("clm_us_x"),
    *ORDER.request_refund("usr_us_merchant", "Broken", restock=True),
    *ORDER.refuse_refund("ALREADY_CLAIMED"),
    *ORDER.refund(),
]


def test_every_fact_is_tried_here() -> None:
    """A fact that is added to the domain is added to these tests."""
    assert {type(fact) for fact in FACTS} == set(OrderEvent.__args__)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.type)
def test_a_fact_fits_its_contract(fact: OrderEvent) -> None:
    """Field for field, with nothing left out and nothing unknown, and amounts as decimal strings."""
    data = msgspec.json.decode(to_json(fact))
    kind = message_class(fact.type)
    message = json_format.ParseDict(data, kind(), ignore_unknown_fields=False)
    back = json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    assert (
        set(back)
        == {field.name for field in msgspec.structs.fields(type(fact))}
        == {field.name for field in kind.DESCRIPTOR.fields}
    )
    plain = set(back) - {"items", "expires_at"}
    assert {name: back[name] for name in plain} == {name: data[name] for name in plain}
    assert json_format.ParseDict(back, kind()) == message
    for item, sent in zip(data.get("items", []), back.get("items", []), strict=True):
        assert {name: str(value) for name, value in item.items()} == {name: str(value) for name, value in sent.items()}
