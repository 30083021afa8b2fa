"""The phases of a sale: windows of time, each with terms of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from shared.errors import Malformed
from shared.money import Amount


@dataclass(frozen=True, slots=True)
class Phase:
    """A window in which a supply sells: from `starts_at` up to, and without, `ends_at` (None: for good).

    name: unique in its supply; what was sold in a phase is counted under it, whatever else of the phase changes.
    unit_price, per_user_limit: in place of the supply's price, and beside its limit; None leaves those.
    cap: units that may be reserved or sold in this phase at most; None for no cap.
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
    """The one phase that sells at a time."""
    return next((p for p in phases if p.starts_at <= at and (p.ends_at is None or at < p.ends_at)), None)


def in_order(phases: Sequence[Phase]) -> tuple[Phase, ...]:
    """Phases by their time. Raises Malformed when two share a name or a moment, or one ends before it begins."""
    names = [phase.name for phase in phases]
    for number, phase in enumerate(phases):
        if names.index(phase.name) < number:
            raise Malformed("another phase has this name", field=f"phases[{number}].name")
        if phase.ends_at is not None and phase.ends_at <= phase.starts_at:
            raise Malformed("a phase ends after it starts", field=f"phases[{number}].ends_at")
    ordered = sorted(phases, key=lambda phase: phase.starts_at)
    for earlier, later in pairwise(ordered):
        if earlier.ends_at is None or later.starts_at < earlier.ends_at:
            raise Malformed(
                f"this phase begins before {earlier.name!r} has ended",
                field=f"phases[{names.index(later.name)}].starts_at",
            )
    return tuple(ordered)
