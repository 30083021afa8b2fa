"""Grants of units between cells as an audit compares them: what was received is a prefix of what was given."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

INVARIANT: Final = "grants_received_were_given"


@dataclass(frozen=True, slots=True)
class GrantStream:
    """The grants of a supply from one cell to the one that looks."""

    supply_id: str
    giver: str


@dataclass(frozen=True, slots=True)
class GrantSum:
    """What the grants of a stream come to, up to a version."""

    stream: GrantStream
    version: int
    units: int
    rights: Mapping[str, int] = field(default_factory=dict)


def contradictions(received: Sequence[GrantSum], given: Iterable[GrantSum]) -> list[tuple[str, str]]:
    """What was received and was not given so, as (subject, detail).

    received: read first, so that the givers' sums, up to the same versions, are of all that may have been received.
    """
    sums = {each.stream: each for each in given}
    found = []
    for each in received:
        other = sums.get(each.stream, GrantSum(each.stream, 0, 0))
        mine = (each.version, each.units, _real(each.rights))
        theirs = (other.version, other.units, _real(other.rights))
        if mine != theirs:
            found.append((f"{each.stream.supply_id} {each.stream.giver}", f"received {mine}, given {theirs}"))
    return found


def _real(rights: Mapping[str, int]) -> dict[str, int]:
    return {phase: units for phase, units in sorted(rights.items()) if units}
