"""What the home says of all cells."""

from shared.cells.home import Closing, Counters, SoldOut


def test_only_all_units_are_sold_out() -> None:
    home = SoldOut(10)
    assert not home.report(Counters("s", "us", 6, 3))
    assert home.report(Counters("s", "eu", 4, 9))
    assert not home.report(Counters("s", "eu", 3, 10))  # one was returned
    assert not home.report(Counters("s", "eu", 4, 9))  # late


def test_a_supply_is_deleted_once_all_cells_have_closed() -> None:
    closing = Closing(["us", "eu", "as"])
    closing.answer("us", "closed")
    assert closing.outcome == "waiting"
    closing.answer("eu", "unreachable")
    assert (closing.outcome, closing.open_cells) == ("unreachable", ["eu", "as"])


def test_a_reservation_refuses_the_deletion_whoever_else_is_unreachable() -> None:
    closing = Closing(["us", "eu"])
    closing.answer("us", "unreachable")
    closing.answer("eu", "reserved")
    assert closing.outcome == "reserved"


def test_deleting_may_be_repeated() -> None:
    closing = Closing(["us", "eu"])
    closing.answer("us", "unreachable")
    for cell in closing.open_cells:
        closing.answer(cell, "closed")
    assert closing.outcome == "closed"
