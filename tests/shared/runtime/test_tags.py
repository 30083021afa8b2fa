"""Entity tags in requests."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.operations import Match, Resource
from shared.errors import Malformed, MatchRequired, Stale
from shared.runtime.tags import known, match, of_epoch, under

GOOD: list[tuple[str, frozenset[str] | None, frozenset[str] | None]] = [
    ("*", None, None),
    (" * ", None, None),
    ('"1"', frozenset({"1"}), frozenset({"1"})),
    ('"1-7"', frozenset({"1-7"}), frozenset({"1-7"})),
    ('"1" , "2"', frozenset({"1", "2"}), frozenset({"1", "2"})),
    (', "1",,', frozenset({"1"}), frozenset({"1"})),
    ('W/"1", "2"', frozenset({"2"}), frozenset({"1", "2"})),
    ('""', frozenset({""}), frozenset({""})),
    ('"a,b"', frozenset({"a,b"}), frozenset({"a,b"})),
]
BAD = [
    "",
    " ",
    ",",
    "1",
    '"1',
    '1"',
    '"1""2"',
    '"1" "2"',
    'w/"1"',
    'W/ "1"',
    '*, "1"',
    "* *",
    '"a b"',
    '"\x7f"',
    '"\n"',
]


def test_a_list_of_tags_is_read(subtests: pytest.Subtests) -> None:
    """If-Match compares strongly, so that weak tags are nothing; If-None-Match weakly (RFC 9110, 8.8.3.2)."""
    for header, strong, weak in GOOD:
        with subtests.test(header=header):
            assert match(header).tags == strong
            assert known(header).tags == weak


def test_what_is_no_list_is_malformed(subtests: pytest.Subtests) -> None:
    """And named as the header."""
    for header in BAD:
        with subtests.test(header=header):
            for read, name in ((match, "If-Match"), (known, "If-None-Match")):
                with pytest.raises(Malformed) as error:
                    read(header)
                assert error.value.errors[0]["field"] == name


def test_without_a_header() -> None:
    """A missing required tag is an error; an optional one is None."""
    with pytest.raises(MatchRequired):
        match(None)
    assert not known(None).has("1")


@given(st.text(st.sampled_from(' \t",*W/1a'), max_size=30))
def test_arbitrary_headers_are_malformed_at_worst(header: str) -> None:
    """Nothing else goes wrong."""
    for read in (match, known):
        try:
            read(header)
        except Malformed:
            continue


@pytest.mark.parametrize("header", [" " * 60_000 + "x", ", " * 30_000 + "x", '"' * 60_001, '"1" ' * 20_000])
def test_no_header_takes_long(header: str) -> None:
    """Its time grows with its length, not with the square of it."""
    began = time.process_time()
    with pytest.raises(Malformed):
        match(header)
    assert time.process_time() - began < 1


@pytest.mark.parametrize("tags", [{"3"}, {"3-9"}, {"1", "3-1"}, None])
def test_a_version_matches(tags: set[str] | None) -> None:
    """By its first part alone, or as any."""
    Match(None if tags is None else frozenset(tags)).check(3)


@pytest.mark.parametrize("tags", [set(), {""}, {"2"}, {"33"}, {"03"}, {"-3"}, {"3 "}, {"2-3"}])
def test_another_version_is_stale(tags: set[str]) -> None:
    """Whatever it looks like."""
    with pytest.raises(Stale):
        Match(frozenset(tags)).check(3)


class Numbered(Resource):
    """A view that shows its version."""

    name: str
    version: int


class Unnumbered(Resource):
    """A view that shows none."""

    name: str


def test_a_tag_is_the_version_or_a_digest() -> None:
    """The same content has the same tag, other content another."""
    assert Numbered("a", 3).tag() == "3"
    assert Unnumbered("a").tag() == Unnumbered("a").tag() != Unnumbered("b").tag()


def test_a_tag_names_the_epoch_after_a_promotion() -> None:
    """What was undone had versions that others took: a tag of another epoch matches nothing, and `*` anything."""
    assert [under(tag, epoch) for tag, epoch in (("7-12", 1), ("7-12", 2), (None, 2))] == ["7-12", "7-12-e2", None]
    sent = match('"7-12", "7-12-e2", "7-3-e12", W/"8-e2"')
    of = {epoch: of_epoch(sent, epoch).tags for epoch in (1, 2, 3, 12)}
    assert of == {1: {"7-12"}, 2: {"7-12-e2"}, 3: frozenset(), 12: {"7-3-e12"}}
    of_epoch(sent, 2).check(7)
    with pytest.raises(Stale):
        of_epoch(sent, 3).check(7)
    assert of_epoch(match("*"), 3).tags is None
