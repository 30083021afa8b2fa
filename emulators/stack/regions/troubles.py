"""What has been done to the regions of a stack: in a file of its folder, so that every command and process knows it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

NAME: Final = "regions.json"


@dataclass(frozen=True)
class Troubles:
    """What has been done to the regions.

    killed: those that are down. cut: pairs, each sorted, without a link. moved: by cell the region that it was promoted
    to, if it is not at home.
    """

    killed: frozenset[str] = frozenset()
    cut: frozenset[tuple[str, str]] = frozenset()
    moved: Mapping[str, str] = field(default_factory=dict)

    def unreachable(self, region: str) -> set[str]:
        """The regions that this one has no link to."""
        return {*self.killed, *(other for pair in self.cut if region in pair for other in pair if other != region)}


def load(state: Path) -> Troubles:
    """What the file in a stack's folder says; no trouble if there is none."""
    file = state / NAME
    if not file.exists():
        return Troubles()
    kept = json.loads(file.read_text(encoding="utf-8"))
    return Troubles(frozenset(kept["killed"]), frozenset(pair(*each) for each in kept["cut"]), kept["moved"])


def save(state: Path, troubles: Troubles) -> None:
    """Write the file in a stack's folder."""
    kept = {"killed": sorted(troubles.killed), "cut": sorted(troubles.cut), "moved": dict(troubles.moved)}
    partial = (state / NAME).with_suffix(".partial")
    partial.write_text(json.dumps(kept) + "\n", encoding="utf-8")
    partial.rename(state / NAME)


def pair(one: str, other: str) -> tuple[str, str]:
    """Two regions in the order in which a pair is kept."""
    return (one, other) if one < other else (other, one)
