"""JSON in the form of the contract."""

from datetime import UTC, datetime

import msgspec
import pytest

from shared.contracts.encode import to_json
from shared.money import Amount, SignedAmount


class Thing(msgspec.Struct):
    """A view with one of everything that has a form of its own."""

    amount: Amount
    change: SignedAmount
    quantity: int
    at: datetime


def test_the_forms_of_the_contract() -> None:
    """Amounts are decimal strings, quantities numbers, times RFC 3339 in UTC with Z."""
    thing = Thing(Amount(2**255), SignedAmount(-5), 3, datetime(2026, 11, 23, 7, 30, 15, 250_000, tzinfo=UTC))
    assert to_json(thing) == b'{"amount":"%d","change":"-5","quantity":3,"at":"2026-11-23T07:30:15.250000Z"}' % 2**255


def test_what_has_no_form_is_a_defect() -> None:
    """A type that nobody thought of is not put into words by chance."""
    with pytest.raises(NotImplementedError, match="object"):
        to_json({"thing": object()})
