"""The sites of a stack: a cell where it is served, with all the processes and stores that this takes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from emulators.stack.errors import StackError

NEARNESS: Final[Mapping[str, tuple[str, ...]]] = {
    "us-central1": ("us-central1", "europe-west1", "asia-east1"),
    "europe-west1": ("europe-west1", "us-central1", "asia-east1"),
    "asia-east1": ("asia-east1", "us-central1", "europe-west1"),
}
"""The regions by their distance from a client who is in, or next to, the region on the left."""


@dataclass(frozen=True)
class Site:
    """A cell in a region.

    name: a part of its programs' names: the region, and the cell where that is not the region's first, or is only
    promoted to it.
    """

    cell: str
    region: str
    name: str


def of_regions(cells: Mapping[str, str], regions: Sequence[str]) -> tuple[Site, ...]:
    """The sites of these regions, in their order.

    cells: the region that serves each cell, from the registry. Raises StackError for a region without a cell.
    """
    made = []
    for region in regions:
        served = [cell for cell, serving in cells.items() if serving == region]
        if not served:
            raise StackError(f"The registry has no cell in {region}: its regions are {_listed(cells.values())}.")
        made += [Site(cell, region, f"{region}-{cell}" if index else region) for index, cell in enumerate(served)]
    return tuple(made)


def first_regions(cells: Mapping[str, str], number: int) -> tuple[str, ...]:
    """So many regions of the registry, the primary first. Raises StackError when it does not have them."""
    regions = tuple(dict.fromkeys(cells.values()))
    if not 1 <= number <= len(regions):
        raise StackError(f"REGIONS is {number}: the registry has from 1 to {len(regions)}, {_listed(regions)}.")
    return regions[:number]


def standbys_of(sites: Sequence[Site]) -> tuple[Site, ...]:
    """Where the cells of these sites have their standbys, and are promoted to: in the region after their own.

    With one region there are none.
    """
    regions = list(dict.fromkeys(site.region for site in sites))
    if len(regions) == 1:
        return ()
    after = dict(zip(regions, [*regions[1:], regions[0]], strict=True))
    return tuple(Site(site.cell, after[site.region], f"{after[site.region]}-{site.cell}") for site in sites)


def _listed(regions: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(regions))
