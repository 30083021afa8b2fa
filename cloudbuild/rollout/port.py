"""What the rollout needs of a platform; cloud_run.py and local/platform.py implement it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from cloudbuild.rollout.analysis import Sample
from cloudbuild.rollout.traffic import Split, Target
from cloudbuild.rollout.units import Unit


class Conflict(Exception):
    """The state has changed since it was read: read it again."""


class Failed(Exception):
    """The platform could not do it, and says why: a revision does not start, a permission is missing."""


class Absent(Failed):
    """There is no such unit: Terraform has not created it."""


class Platform(Protocol):
    """Where units run."""

    def split(self, unit: Unit) -> Split:
        """How a unit's traffic is split; waits while the platform is at work on it. Raises Failed."""

    def deploy(self, unit: Unit, split: Split, image: str) -> None:
        """Create a revision of an image that is tagged green and has no traffic; return when it is ready.

        Raises Conflict, and Failed if it does not start: then nothing is tagged green.
        """

    def route(self, unit: Unit, split: Split, targets: Sequence[Target]) -> None:
        """Split the traffic, and return when it is so. Raises Conflict, Failed."""

    def smoke(self, unit: Unit, split: Split) -> str:
        """Why the revision tagged green does not respond as its row should; empty if it does."""

    def samples(self, units: Sequence[Unit], start: datetime, end: datetime) -> Mapping[tuple[Unit, str], Sample]:
        """What each revision of units of one region served in a window, as far as is known by now. Raises Failed."""

    def image(self, pool: Unit) -> str:
        """The image that a worker pool runs. Raises Failed, and Absent if there is no such pool."""

    def replace(self, pool: Unit, image: str) -> None:
        """Replace a worker pool's instances, and return when the new ones run. Raises Failed: the old ones go on."""


class Clock(Protocol):
    """Time."""

    def now(self) -> datetime:
        """The present, with a time zone."""

    def sleep(self, seconds: float) -> None:
        """Wait."""
