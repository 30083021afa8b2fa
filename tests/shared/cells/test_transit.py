"""Money between cells."""

from dataclasses import replace

import pytest

from shared.cells.transit import NotAcrossCells, Transfer, credit, debit

TRANSFER = Transfer("t1", "us", "eu", 1, "USDC", 5, "wal_eu_1", "wal_eu_0")


def test_both_sides_sum_to_zero_and_the_transit_accounts_to_what_is_under_way() -> None:
    out, into = debit("wal_us_1", TRANSFER, "settlement"), credit(TRANSFER, target_open=True)
    assert [(each.account, each.amount) for each in out] == [("wal_us_1", -5), ("transit:eu", 5)]
    assert [(each.account, each.amount) for each in into] == [("transit:us", -5), ("wal_eu_1", 5)]


def test_a_closed_target_is_paid_into_the_default_wallet() -> None:
    assert credit(TRANSFER, target_open=False)[1].account == "wal_eu_0"


def test_refunds_and_operators_transfers_stay_in_their_cell() -> None:
    for kind in ("refund", "operator"):
        with pytest.raises(NotAcrossCells):
            debit("wal_us_1", TRANSFER, kind)


def test_a_transfer_moves_something_elsewhere() -> None:
    for wrong in (replace(TRANSFER, amount=0), replace(TRANSFER, receiver="us")):
        with pytest.raises(ValueError, match="positive amount"):
            debit("wal_us_1", wrong, "transfer")
