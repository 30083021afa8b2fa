"""How traffic is split between revisions, and what that says of a release. Pure: the platform's state is all there is.

Four tags carry the state, so that a rollout that has crashed knows where it was:

    blue      the revision that serves: everything, or what green does not
    green     the revision that is on trial, with 0 to 100 percent
    previous  the one that served before blue, for a way back after the release
    rejected  one that was withdrawn: the same release does not come back by itself
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

BLUE: Final = "blue"
GREEN: Final = "green"
PREVIOUS: Final = "previous"
REJECTED: Final = "rejected"


class Interfered(Exception):
    """The split is not what the rollout has left: somebody else changed it."""


@dataclass(frozen=True)
class Target:
    """A revision's share of the traffic in percent, and its tag."""

    revision: str
    percent: int
    tag: str = ""


@dataclass(frozen=True)
class Split:
    """The state of a unit.

    targets: its revisions that have traffic or a tag. images: the image of each, by digest. etag: its version, which a
    write names. green_url: where the revision tagged green is reached alone; empty if nowhere.
    """

    targets: tuple[Target, ...]
    images: Mapping[str, str]
    etag: str
    green_url: str = ""

    def tagged(self, tag: str) -> Target | None:
        """The target with a tag."""
        return next((target for target in self.targets if target.tag == tag), None)

    @property
    def blue(self) -> Target:
        """What serves: the target tagged blue, or before the first rollout the only one. Raises Interfered."""
        serving = [target for target in self.targets if target.percent]
        found = self.tagged(BLUE) or (serving[0] if len(serving) == 1 else None)
        if found is None:
            raise Interfered(f"no revision is tagged blue, and {len(serving)} have traffic")
        return found

    @property
    def green(self) -> Target | None:
        """What is on trial."""
        return self.tagged(GREEN)


class Stage(Enum):
    """Where a release is on one unit."""

    ABSENT = "not deployed"
    TRIAL = "on trial"
    RELEASED = "released"
    REJECTED = "rejected"
    OCCUPIED = "another release is on trial"


def stage(split: Split, image: str) -> Stage:
    """Where the release of an image is. Raises Interfered."""
    if split.green:
        return Stage.TRIAL if split.images.get(split.green.revision) == image else Stage.OCCUPIED
    if split.images.get(split.blue.revision) == image:
        return Stage.RELEASED
    rejected = split.tagged(REJECTED)
    return Stage.REJECTED if rejected and split.images.get(rejected.revision) == image else Stage.ABSENT


def share(split: Split) -> int:
    """The percentage that green has."""
    return split.green.percent if split.green else 0


def shared(split: Split, percent: int) -> tuple[Target, ...]:
    """The targets that give green a share. Raises Interfered if there is no green."""
    if split.green is None:
        raise Interfered("the revision tagged green is gone")
    return (replace(split.blue, percent=100 - percent, tag=BLUE), replace(split.green, percent=percent))


def promoted(split: Split) -> tuple[Target, ...]:
    """The targets that make green the revision that serves. Raises Interfered if it has not got all traffic."""
    if split.green is None or split.green.percent != 100:
        raise Interfered(f"green has {share(split)} percent, and should have all")
    return (replace(split.green, tag=BLUE), Target(split.blue.revision, 0, PREVIOUS))


def withdrawn(split: Split, image: str) -> tuple[Target, ...] | None:
    """The targets that take a release back, whatever it has got to; None if it is not here. Raises Interfered."""
    here, previous = stage(split, image), split.tagged(PREVIOUS)
    if here is Stage.TRIAL and split.green:
        return (Target(split.blue.revision, 100, BLUE), Target(split.green.revision, 0, REJECTED))
    if here is Stage.RELEASED and previous:
        return (Target(previous.revision, 100, BLUE), Target(split.blue.revision, 0, REJECTED))
    return None
