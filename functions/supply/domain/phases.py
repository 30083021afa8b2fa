"""The phases of a sale: time windows, each with terms of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from shared.errors import Malformed
from shared.money import Amount


@dataclass(frozen=True, slots=True)
class Phase:
    """A window in which a supply sells: from `starts_at` (inclusive) to `ends_at` (exclusive; None: no end).

    name: unique within its supply; units are counted under it, whatever else of the phase changes.
    unit_price: replaces the supply's price. per_user_limit: applies beside the supply's limit. None: the supply's only.
    cap: the most units that may be reserved or sold in this phase; None for no cap.
    allowlist_root: the Merkle root of those who may buy, 0x and 64 hexadecimal digits; None for everybody.
    """

    name: str
    starts_at: datetime
    ends_at: datetime | None = None
    unit_price: Amount | None = None
    per_user_limit: int | None = None
    cap: int | None = None
    allowlist_root: str | None = None


def open_at(phases: Sequence[Phase], at: datetime) -> Phase | None:
    """The phase that is open at a time, if any."""
    return next((p for p in phases if p.starts_at <= at and (p.ends_at is None or at < p.ends_at)), None)


def in_order(phases: Sequence[Phase]) -> tuple[Phase, ...]:
    """Phases sorted by time. Raises Malformed if two share a name or overlap, or one ends before it starts."""
    names = [phase.name for phase in phases]
    for number, phase in enumerate(phases):
        if names.index(phase.name) < number:
            raise Malformed("is the name of another phase", field=f"phases[{number}].name")
        if phase.ends_at is not None and phase.ends_at <= phase.starts_at:
            raise Malformed("must be after starts_at", field=f"phases[{number}].ends_at")
    ordered = sorted(phases, key=lambda phase: phase.starts_at)
    for earlier, later in pairwise(ordered):
        if earlier.ends_at is None or later.starts_at < earlier.ends_at:
            raise Malformed(
                f"must not be before {earlier.name!r} has ended",
                field=f"phases[{names.index(later.name)}].starts_at",
            )
    return tuple(ordered)
