"""The rules of a claim."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from functions.claiming.domain.claim import Claim, Item, Status, Terms
from functions.claiming.domain.errors import NotClaimable, RecipientFixed

NOW = datetime(2026, 11, 23, 8, 0, 0, 500_000, tzinfo=UTC)
ITEMS = (Item(31337, "0x00", 7, 2),)
OPEN = Claim("clm", "ord", "usr", "0xPayer", ITEMS, 42, NOW)


def test_an_open_claim_goes_to_whom_the_buyer_names() -> None:
    """The wallet that paid, unless somebody else is named."""
    assert OPEN.recipient_for(None) == "0xPayer"
    assert OPEN.recipient_for("0xFriend") == "0xFriend"


def test_a_recipient_is_fixed_by_the_first_voucher() -> None:
    """Naming them again, or nobody, is the same; naming another is refused, also after the voucher has run out."""
    claimed = OPEN.handed_out("0xFriend", "{}", NOW - timedelta(days=1), NOW)
    assert claimed.recipient_for(None) == claimed.recipient_for("0xFriend") == "0xFriend"
    with pytest.raises(RecipientFixed):
        claimed.recipient_for("0xPayer")


def test_a_voided_claim_goes_to_nobody() -> None:
    """The order was given back."""
    with pytest.raises(NotClaimable):
        replace(OPEN, status="voided").recipient_for(None)


def test_a_voucher_lasts_until_its_deadline() -> None:
    """Not at the deadline itself, and never before there is one."""
    claimed = OPEN.handed_out("0xPayer", "{}", NOW, NOW - timedelta(days=1))
    assert claimed.lasts(NOW - timedelta(microseconds=1))
    assert not claimed.lasts(NOW)
    assert not OPEN.lasts(NOW)


def test_the_first_voucher_claims_and_later_ones_do_not() -> None:
    """A reissue changes the voucher and its deadline, and nothing that counts as a fact."""
    first = OPEN.handed_out("0xPayer", "one", NOW + timedelta(days=7), NOW)
    assert (first.status, first.version, first.claimed_at) == ("claimed", 2, NOW)
    later = NOW + timedelta(days=8)
    second = first.handed_out("0xPayer", "two", later + timedelta(days=7), later)
    assert second == replace(first, voucher="two", deadline=later + timedelta(days=7))


def test_a_reissue_does_not_set_a_claim_back() -> None:
    """One that is processed, or under way, stays so."""
    processing = replace(OPEN.handed_out("0xPayer", "one", NOW, NOW), status="processing")
    assert processing.handed_out("0xPayer", "two", NOW, NOW).status == "processing"


def test_terms_are_what_is_signed() -> None:
    """The deadline is in whole seconds, as a chain counts."""
    assert OPEN.terms("0xFriend", NOW) == Terms("clm", "ord", "0xFriend", ITEMS, 42, int(NOW.timestamp()))


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("open", False),
        ("voided", False),
        ("claimed", True),
        ("processing", True),
        ("processed", True),
        ("failed", True),
    ],
)
def test_what_the_api_knows_of(status: Status, *, shown: bool) -> None:
    """A claim is shown once there is a voucher, and not when it was given back."""
    assert replace(OPEN, status=status).shown is shown
