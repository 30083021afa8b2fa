"""Reading a feed: in order, each lane without gaps, with late arrivals."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.notification.domain.feed import FeedCursor, FeedEntry, Item, page

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
CELLS = ("us", "eu", "as")


def item(cell: str, position: int, minutes: int = 0, *, hidden: bool = False) -> FeedEntry:
    """An item at a place of a lane."""
    content = Item(f"{cell}{position}", "order.paid", "ord", 1, {}, NOON + timedelta(minutes=minutes))
    return FeedEntry("usr", position, 1, None if hidden else content)


def ids_of(items: list[Item]) -> list[str]:
    return [each.id for each in items]


def test_what_stands_behind_a_gap_is_not_reached() -> None:
    """The third item is readable before the second: the reader stops, and reads both when they are there."""
    items, places = page(FeedCursor.parse(None, CELLS), {"us": [item("us", 1), item("us", 3)]}, 10)
    assert (ids_of(items), str(places)) == (["us1"], "us:1,eu:0,as:0")
    items, places = page(places, {"us": [item("us", 2), item("us", 3)]}, 10)
    assert (ids_of(items), str(places)) == (["us2", "us3"], "us:3,eu:0,as:0")


def test_between_lanes_the_older_goes_first() -> None:
    """And in a lane its own order holds, whatever the clocks said."""
    lanes = {"us": [item("us", 1, 5), item("us", 2, 1)], "eu": [item("eu", 1, 3), item("eu", 2, 9)]}
    items, places = page(FeedCursor.parse(None, CELLS), lanes, 10)
    assert ids_of(items) == ["eu1", "us1", "us2", "eu2"]
    assert str(places) == "us:2,eu:2,as:0"


def test_what_is_hidden_is_passed() -> None:
    """Its position counts, and shows nothing; a page with only such entries is empty and continues."""
    items, places = page(FeedCursor.parse(None, CELLS), {"us": [item("us", 1, hidden=True), item("us", 2)]}, 1)
    assert (ids_of(items), str(places)) == (["us2"], "us:2,eu:0,as:0")
    items, places = page(FeedCursor.parse(None, CELLS), {"us": [item("us", 1, hidden=True)]}, 5)
    assert (items, str(places)) == ([], "us:1,eu:0,as:0")


@given(
    st.lists(st.tuples(st.sampled_from(CELLS), st.integers(0, 50)), max_size=30),
    st.integers(1, 7),
    st.randoms(use_true_random=False),
)
def test_a_reader_sees_each_item_once_however_they_arrive(
    made: list[tuple[str, int]], limit: int, chance: Random
) -> None:
    """Items become readable in any order, between the pages of a reader who comes back with their cursor."""
    lanes: dict[str, list[FeedEntry]] = {cell: [] for cell in CELLS}
    for cell, minutes in made:
        lanes[cell].append(item(cell, len(lanes[cell]) + 1, minutes))
    arriving = [placed for lane in lanes.values() for placed in lane]
    chance.shuffle(arriving)
    readable: set[str] = set()
    cursor, seen = None, []
    while True:
        readable |= {placed.item.id for placed in arriving[:3] if placed.item}
        del arriving[:3]
        places = FeedCursor.parse(cursor, CELLS)
        news = {
            cell: [p for p in lane if p.item and p.item.id in readable and p.position > places.by_cell[cell]]
            for cell, lane in lanes.items()
        }
        items, places = page(places, news, limit)
        cursor = str(places)
        seen += ids_of(items)
        if not items and not arriving:
            break
    assert sorted(seen) == sorted(placed.item.id for lane in lanes.values() for placed in lane if placed.item)
    for cell, lane in lanes.items():
        assert [each for each in seen if each.startswith(cell)] == [placed.item.id for placed in lane if placed.item]


@pytest.mark.parametrize(
    "text",
    ["", "us", "us:", "us:-1", "us:01", "us:1,", "us:1,us:2", "xx:1", "US:1", "us:1 ", "us:1\n", "us:" + "9" * 13],
)
def test_other_cursors_are_refused(text: str) -> None:
    """What no feed has given is no cursor."""
    with pytest.raises(ValueError, match="cursor"):
        FeedCursor.parse(text, CELLS)


def test_a_cursor_is_good_while_cells_are_added() -> None:
    """A lane that it does not name is read from its beginning."""
    assert FeedCursor.parse("eu:7", CELLS).by_cell == {"us": 0, "eu": 7, "as": 0}
