"""What a receiver does with versions, and what others may not know."""

from shared.cells.streams import step, unknown_to_store


def test_what_a_receiver_does() -> None:
    assert [step(2, version) for version in (1, 2, 3, 4)] == ["known", "known", "apply", "gap"]


def test_what_others_know_and_the_store_lacks() -> None:
    assert unknown_to_store({"a": 3, "b": 1, "c": 1}, {"a": 2, "b": 1}) == {"a": 3, "c": 1}
