"""Ids sort by creation, carry their cell, and nothing else is accepted as one."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import ids
from shared.registry import load

PREFIXES = sorted(ids.PREFIXES)
CELLS = [*sorted(load().cells), "us2", "as999"]

made = st.builds(ids.new, st.sampled_from(PREFIXES), st.sampled_from(CELLS))
ORDER = "ord_us_01jd5z3k8m9n0p1q2r3s4t5v6w"


def test_ids_sort_by_creation() -> None:
    """Of two ids that a process makes, the later one is greater, also within a millisecond."""
    made_in_turn = [ids.new("ord", "us") for _ in range(5000)]
    assert all(first < second for first, second in pairwise(made_in_turn))


def test_threads_never_share_an_id() -> None:
    """Ids that are made at once differ."""
    with ThreadPoolExecutor(8) as pool:
        batches = list(pool.map(lambda _: [ids.new("ord", "us") for _ in range(500)], range(8)))
    assert len({each for batch in batches for each in batch}) == 4000


@given(made)
def test_an_id_can_be_taken_apart_and_put_together(made: str) -> None:
    """Parts and text say the same, in the contract's alphabet and length."""
    prefix = made[:3]
    assert str(ids.parse(made, prefix)) == made
    assert ids.valid(made, prefix)
    assert re.fullmatch(r"[a-z]{3}_[a-z]{2}[0-9]{0,3}_[0-9a-z]{26}", made)
    assert ids.parse(made, prefix).cell in CELLS
    assert ids.cell_of(made) == ids.parse(made, prefix).cell
    assert re.fullmatch(ids.pattern(prefix), made)


@given(made, st.sampled_from(PREFIXES))
def test_an_id_is_of_one_kind(made: str, prefix: str) -> None:
    """It is not taken for the id of another kind of thing."""
    assert ids.valid(made, prefix) == made.startswith(prefix)


NO_IDS = [
    "",
    "ord",
    "ord_us_",
    ORDER.upper(),
    ORDER[:-1],
    ORDER + "0",
    ORDER + "\n",
    " " + ORDER,
    ORDER + "\x00",
    ORDER.replace("_us_", "_usa_"),
    ORDER.replace("_us_", "_u1_"),
    ORDER.replace("_us_", "_us0_"),
    ORDER.replace("_us_", "_us02_"),
    ORDER.replace("_us_", "_us1000_"),
    ORDER.replace("_us_", "_us٢_"),  # a digit, but none of ASCII
    ORDER.replace("_us_", "__"),
    ORDER.replace("_", "-"),
    "ord_us_81jd5z3k8m9n0p1q2r3s4t5v6w",  # beyond 128 bits
    "ord_us_01jd5z3k8m9n0p1q2r3s4t5v6i",  # i, l, o and u are not of the alphabet
    "ord_us_01jd5z3k8m9n0p1q2r3s4t5v6u",
    "ord_us_０1jd5z3k8m9n0p1q2r3s4t5v6w",  # a full-width digit
    "ord_us_01jd5z3k8m9n0p1q2r3s4t5v6'",
    "ord_us_../../../../../etc/passwd0",
    "x" * 10_000,
]


def test_what_is_no_id_is_refused(subtests: pytest.Subtests) -> None:
    """Whatever differs from the form in one character is nobody's id."""
    for text in NO_IDS:
        with subtests.test(text=text):
            assert not ids.valid(text, "ord")
            assert ids.cell_of(text) is None
            with pytest.raises(ValueError, match="not the id of a order"):
                ids.parse(text, "ord")


def test_ids_of_several_cells_sort_by_creation() -> None:
    """By the ULID, where the cell before it would decide otherwise."""
    in_turn = [ids.new("ord", cell) for cell in ("us2", "as", "us", "eu", "us2", "as")]
    assert sorted(in_turn, key=ids.age_of) == in_turn
    assert sorted(in_turn) != in_turn


@given(st.text())
def test_text_is_no_id(text: str) -> None:
    """Arbitrary text is refused, and nothing worse."""
    assert not ids.valid(text, "ord")


@given(made, st.sampled_from(PREFIXES))
def test_a_sibling_is_the_same_on_every_try(made: str, prefix: str) -> None:
    """The one thing of another kind that belongs to a thing has its home and its number."""
    sibling = ids.sibling(made, prefix)
    assert ids.valid(sibling, prefix)
    assert ids.parse(sibling, prefix).cell == ids.parse(made, made[:3]).cell
    assert ids.number(sibling) == ids.number(made)
    assert ids.sibling(sibling, made[:3]) == made


@given(st.lists(made, min_size=2, max_size=2, unique=True))
def test_a_number_belongs_to_one_id(pair: list[str]) -> None:
    """Two ids that were made apart have different numbers, of 128 bits."""
    first, second = (ids.number(each) for each in pair)
    assert first != second
    assert 0 <= first < 2**128


@given(st.datetimes(datetime(2020, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)), st.integers(0, 2**80 - 1))
def test_a_count_is_found_again(at: datetime, count: int) -> None:
    """An id made from a number is an id like any other, and the number can be read back."""
    made = ids.counted("ent", "us", at, count)
    assert ids.valid(made, "ent")
    assert ids.count(made) == count


def test_a_stream_between_two_cells_says_who_gives_and_who_receives() -> None:
    """With an entity that it is about, or without; it is in the giver's store, and no id of an entity is one."""
    supply = "sup_as_01jd5z3k8m9n0p1q2r3s4t5v6w"
    assert ids.between("trn", "us", "eu") == "trn_us_eu"
    assert ids.between("quo", "us2", "eu", supply) == f"quo_us2_eu_{supply}"
    for stream in ("trn_us2_eu", f"quo_us2_eu_{supply}"):
        assert re.fullmatch(ids.BETWEEN, stream)
        assert (ids.source_of(stream), ids.receiver_of(stream)) == ("us2", "eu")
        assert ids.cell_of(stream) is None
    assert (ids.source_of(supply), ids.receiver_of(supply)) == ("as", None)
    for other in ("", "trn_us", "trn_us_eu_", "trn_us_eu_x", f"trn_us_eu_{supply}x", "trn_us_eu\n", "trn_US_eu", "x"):
        assert (ids.source_of(other), ids.receiver_of(other)) == (None, None)


@given(made)
def test_no_id_is_a_stream_between_cells(made: str) -> None:
    """Its home has it, and it is for nobody in particular."""
    assert (ids.source_of(made), ids.receiver_of(made)) == (ids.cell_of(made), None)
