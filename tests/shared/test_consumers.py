"""Event rows that have landed are frozen in name, service and types."""

from collections.abc import Callable

import msgspec
import pytest

from shared.consumers import changes, described, main, read
from shared.registry import Registry, Row, load


def registry(row: Row | None, name: str = "capture_hold") -> Registry:
    """The registry with one row replaced, or left out."""
    rows = {key: each for key, each in load().operations.items() if key != name}
    return msgspec.structs.replace(load(), operations={**rows, **({row.name: row} if row else {})})


def test_the_rows_are_those_that_landed() -> None:
    """A change fails here; a new row is recorded by `make landed`."""
    assert changes(read(), load()) == []
    assert main(["check"]) == 0


@pytest.mark.parametrize(
    "changed",
    [
        lambda row: None,
        lambda row: msgspec.structs.replace(row, service="order"),
        lambda row: msgspec.structs.replace(row, name="capture_holds"),
        lambda row: msgspec.structs.replace(row, event=[*row.event, "order.paid"]),
        lambda row: msgspec.structs.replace(row, event=["order.paid"]),
    ],
    ids=["gone", "other service", "other name", "more types", "other types"],
)
def test_a_change_is_named(changed: Callable[[Row], Row | None]) -> None:
    """With the row that it breaks."""
    row = load().rows["capture_hold"]
    (found,) = changes(described(load()), registry(changed(row)))
    assert found.startswith("capture_hold: ")


def test_a_further_row_and_the_order_of_types_change_nothing() -> None:
    """What is new has no inbox yet."""
    row = load().rows["return_hold"]
    turned = msgspec.structs.replace(row, event=[*reversed(row.event or ())])
    assert changes(described(load()), registry(turned, "return_hold")) == []
    landed = {name: frozen for name, frozen in described(load()).items() if name != "capture_hold"}
    assert changes(landed, load()) == []
