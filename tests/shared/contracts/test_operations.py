"""Lists are walked page by page, by cursors that nobody has to trust."""

import base64
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import ids
from shared.contracts.operations import Caller, Page, PageRequest, page
from shared.errors import Malformed
from tests.samples import sample_id

NO_CURSOR = "is not a cursor of this list: send the `next_cursor` of the page before"


@dataclass
class Thing:
    """An item of a list."""

    id: str


def cursor_of(text: str) -> str:
    """What a cursor after some text would look like."""
    return base64.urlsafe_b64encode(text.encode()).decode()


def listed(things: list[Thing], request: PageRequest) -> Page[Thing]:
    """A page of a list that is sorted newest first."""
    after = request.after("ord")
    rest = [thing for thing in things if after is None or thing.id < after]
    return page(rest[: request.limit + 1], request.limit, "id")


@given(st.integers(0, 50), st.integers(1, 100))
def test_pages_are_the_whole_list(count: int, limit: int) -> None:
    """Walking from cursor to cursor meets each item once, in order, and comes to an end."""
    things = [Thing(ids.new("ord", "us")) for _ in range(count)][::-1]
    met: list[Thing] = []
    cursor = None
    for _ in range(count // limit + 1):
        shown = listed(things, PageRequest(limit=limit, cursor=cursor))
        met += shown.items
        cursor = shown.next_cursor
        if cursor is None:
            break
        assert len(shown.items) == limit
    assert met == things
    assert cursor is None


def test_a_walk_is_stable_while_the_list_grows() -> None:
    """What is added at the head neither repeats nor hides what follows."""
    things = [Thing(ids.new("ord", "us")) for _ in range(6)][::-1]
    first = listed(things, PageRequest(limit=3))
    things = [Thing(ids.new("ord", "us")), *things]
    second = listed(things, PageRequest(limit=3, cursor=first.next_cursor))
    assert [*first.items, *second.items] == things[1:]


def test_an_exact_page_is_the_last() -> None:
    """A list as long as the limit has no empty page behind it."""
    assert page([Thing("a"), Thing("b")], 2, "id").next_cursor is None
    assert page([], 20, "id") == Page(items=[], next_cursor=None)


ORDER = sample_id("ord")


NOT_OURS = [
    "",
    "garbage",
    "=",
    "====",
    "\x00",
    "ключ",
    ORDER,
    cursor_of(""),
    cursor_of("garbage"),
    cursor_of(sample_id("clm")),  # of another list
    cursor_of(ORDER.upper()),
    cursor_of(ORDER + " "),
    cursor_of(ORDER + "' OR 1=1 --"),
    cursor_of(ORDER) + "!",
    "!" + cursor_of(ORDER),
    cursor_of(ORDER) + "\n",
    cursor_of(ORDER) + cursor_of(ORDER),
    base64.urlsafe_b64encode(b"\xff" * 30).decode(),
    "A" * 100_000,
]


def test_a_cursor_that_is_none_of_ours_is_malformed(subtests: pytest.Subtests) -> None:
    """Garbage, the cursor of another list, one with something added: 400, which names the parameter."""
    for cursor in NOT_OURS:
        with subtests.test(cursor=cursor):
            with pytest.raises(Malformed) as refused:
                PageRequest(cursor=cursor).after("ord")
            assert refused.value.errors == [{"field": "cursor", "message": NO_CURSOR}]


@given(st.text())
def test_arbitrary_cursors_are_malformed(cursor: str) -> None:
    """No text that is not a cursor is one."""
    with pytest.raises(Malformed):
        PageRequest(cursor=cursor).after("ord")


def test_a_cursor_is_understood() -> None:
    """It begins after the id that it was made of; none begins at the head."""
    assert PageRequest(cursor=cursor_of(ORDER)).after("ord") == ORDER
    assert PageRequest().after("ord") is None


@pytest.mark.parametrize("scopes", [set(), {"order:read"}, {"operators"}, {"operator:read"}])
def test_only_the_operators_scope_makes_an_operator(scopes: set[str]) -> None:
    """No other scope does, however it is spelt."""
    assert not Caller("usr_us_1", "ses_us_1", frozenset(scopes)).operator
    assert Caller("usr_us_1", "ses_us_1", frozenset({*scopes, "operator"})).operator
