"""Changes of a supply."""

from datetime import UTC, datetime

import pytest

from functions.supply.domain.supply import Asset, Status, StockLevel, Supply

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def a_supply(status: Status, *, published: bool = True) -> Supply:
    return Supply(
        id="sup", merchant_id="usr_merchant", payout_wallet_id="wal", title="A thing", description="", currency="USDC",
        unit_price=1, per_user_limit=None, phases=(), asset=Asset(1, "0x00", 1, "ERC-1155"), status=status,
        published=published,
        stock=StockLevel(1, 1, 0, 0, 1), version=1, created_at=NOW, updated_at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize("status", ["active", "paused", "archived", "sold_out"])
def test_everyone_sees_a_new_supply(status: Status) -> None:
    """Whatever became of it since."""
    assert a_supply(status).visible_to("usr_anyone")


def test_a_draft_is_its_merchants_own() -> None:
    """Nobody else knows of it, nor of one that was archived before anybody saw it."""
    statuses: tuple[Status, ...] = ("draft", "archived")
    for status in statuses:
        unseen = a_supply(status, published=False)
        assert unseen.visible_to("usr_merchant")
        assert not unseen.visible_to("usr_anyone")
