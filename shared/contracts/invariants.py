"""The names of invariants, as Audit.Check gives them."""

from collections.abc import Iterable
from typing import Final

FROM: Final = " from "


def of_cell(invariant: str, cell: str) -> str:
    """The name of what an invariant says of another cell's events, such as `events_are_applied from eu`."""
    return f"{invariant}{FROM}{cell}"


def named(invariant: str, endings: Iterable[str]) -> bool:
    """Whether an invariant's name ends so, of whichever cell it speaks."""
    return invariant.partition(FROM)[0].endswith(tuple(endings))
