"""What Firestore says about a cell, and the only ways in which it changes.

The changes are pure functions that return the next record, or None where a comparison fails. Whoever makes one runs it
inside a Firestore transaction, so each is one compare-and-set; the simulation runs the same functions.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class CellRecord:
    """A cell's document.

    region: which region serves the cell. epoch: counts promotions. renewal: counts renewals of the lease, so that a
    promoter sees whether there was one. standby: the designated standby, which alone may be promoted; empty for none.
    generation: counts designations, so that a delayed one cannot take effect after its keeper has given it up.
    opening: whether a promotion under this epoch is still under way, so that nobody may take the lease.
    holder: the keeper that renewed last, for a person to see.
    """

    cell: str
    region: str
    epoch: int = 1
    renewal: int = 0
    standby: str = ""
    generation: int = 0
    opening: bool = False
    holder: str = ""


def renewed(record: CellRecord, region: str, epoch: int, holder: str) -> CellRecord | None:
    """The record after a renewal of the lease; None if this region does not hold this epoch, or is still opening it."""
    if (record.region, record.epoch) != (region, epoch) or record.opening:
        return None
    return replace(record, renewal=record.renewal + 1, holder=holder)


def designated(record: CellRecord, epoch: int, generation: int, standby: str) -> CellRecord | None:
    """The record with another designated standby (empty: none); None if it is of another epoch or generation.

    Designating the present one again only ends the generation: a delayed compare-and-set of it fails from then on.
    """
    if (record.epoch, record.generation) != (epoch, generation) or record.opening:
        return None
    return replace(record, standby=standby, generation=generation + 1)


def promoted(record: CellRecord, seen: CellRecord, standby: str, holder: str) -> CellRecord | None:
    """The record under a new epoch; None if anything happened since `seen`, or `standby` is not the designated one.

    standby: the region whose standby is to be promoted; it serves from then on, and designates none at first.
    """
    unchanged = (record.epoch, record.renewal, record.generation) == (seen.epoch, seen.renewal, seen.generation)
    if not unchanged or not standby or record.standby != standby:
        return None
    return replace(
        record,
        region=standby,
        epoch=record.epoch + 1,
        renewal=record.renewal + 1,
        generation=record.generation + 1,
        standby="",
        opening=True,
        holder=holder,
    )


def opened(record: CellRecord, epoch: int) -> CellRecord | None:
    """The record of a promoted cell that takes requests; None if it is of another epoch."""
    return replace(record, opening=False) if record.epoch == epoch and record.opening else None
