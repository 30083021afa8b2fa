"""What workers measure beside their work is exported as it was last measured, or not at all."""

import threading
from typing import Any

from shared.container.measurements import Measurements, invariants, senders_of
from shared.errors import Unavailable
from shared.requirements import rows_of


def test_it_is_exported_as_it_was_measured_last() -> None:
    """A failed measurement takes its series away: none is better than an old one. Others are measured all the same."""
    stop, values = threading.Event(), iter([1.0, Unavailable("away"), ValueError("a defect")])
    seen: list[Any] = []

    def measure() -> dict[str, Any]:
        seen.append(made.latest())
        value = next(values, None)
        if value is None:
            stop.set()
            return {}
        if isinstance(value, Exception):
            raise value
        return {"meridian_orders": [(("paid",), value)]}

    made = Measurements()
    made.add("orders", measure, every_seconds=0.0)
    made.add("claims", lambda: {"meridian_claims": [(("open",), 2.0)]}, every_seconds=0.0)
    made.run(stop)
    assert [each.get("meridian_orders") for each in seen] == [None, [(("paid",), 1.0)], None, None]
    assert seen[-1]["meridian_claims"] == [(("open",), 2.0)]


def test_invariants_hold_or_do_not() -> None:
    """1 or 0 of each, and when that was; others are told of it."""
    seen: list[Any] = []
    found = {"money_sums_to_zero": False, "holds_were_covered": True}
    measured = invariants("wallet", lambda _: found, seen.append)
    assert seen == [found]
    assert dict(measured["meridian_invariant_holds"]) == {
        ("wallet", "money_sums_to_zero"): 0.0,
        ("wallet", "holds_were_covered"): 1.0,
    }
    assert len(list(measured["meridian_invariants_checked_timestamp_seconds"])) == 1


def test_sending_keys_are_those_of_the_rows() -> None:
    """The poller of each service measures what its own keys have."""
    assert senders_of(rows_of("poller", "wallet")) == {"treasury"}
    assert senders_of(rows_of("poller", "claiming")) == {"relayer"}
    assert senders_of(rows_of("poller", "notification")) == frozenset()
