"""An invariant is known by its name, of whichever cell it speaks."""

from shared.contracts.invariants import named, of_cell


def test_an_invariant_of_another_cell_is_known_by_its_name() -> None:
    name = of_cell("events_are_applied", "eu")
    assert name == "events_are_applied from eu"
    assert named(name, ["_do_not_wait", "events_are_applied"])
    assert named("transfers_do_not_wait", ["_do_not_wait"])
    assert not named(name, ["entries_are_sealed", "eu"])
