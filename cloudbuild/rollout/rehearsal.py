"""A dry run: the same program over a platform that reads truly and only imagines what is written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cloudbuild.rollout.analysis import Bucket, Sample
from cloudbuild.rollout.port import Clock, Platform
from cloudbuild.rollout.traffic import BLUE, GREEN, Split, Target
from cloudbuild.rollout.units import Unit

ENOUGH = Sample(1_000_000, 0, (Bucket(0.0, 1.0, 1_000_000),))
"""What every revision is taken to have served: a dry run shows the way of a good release."""


class Rehearsal:
    """A platform that writes nothing."""

    def __init__(self, platform: Platform, show: Callable[[str], None]) -> None:
        """show: is called with each write that a true run would make."""
        self._platform = platform
        self._show = show
        self._splits: dict[Unit, Split] = {}
        self._images: dict[Unit, str] = {}

    def split(self, unit: Unit) -> Split:
        """As read at first, with what was imagined since."""
        if unit not in self._splits:
            self._splits[unit] = self._platform.split(unit)
        return self._splits[unit]

    def deploy(self, unit: Unit, split: Split, image: str) -> None:
        """Imagine a revision."""
        self._show(f"would deploy {unit}")
        targets = (replace(split.blue, tag=BLUE), Target("(new)", 0, GREEN))
        self._splits[unit] = replace(split, targets=targets, images={**split.images, "(new)": image})

    def route(self, unit: Unit, split: Split, targets: Sequence[Target]) -> None:
        """Imagine a split."""
        shown = ", ".join(f"{target.percent} % {target.tag}" for target in targets)
        self._show(f"would route {unit}: {shown}")
        self._splits[unit] = replace(split, targets=tuple(targets))

    def smoke(self, unit: Unit, split: Split) -> str:
        """Nothing is there to be tried."""
        return ""

    def samples(self, units: Sequence[Unit], start: datetime, end: datetime) -> Mapping[tuple[Unit, str], Sample]:
        """Enough, and all well."""
        return {(unit, target.revision): ENOUGH for unit in units for target in self.split(unit).targets}

    def image(self, pool: Unit) -> str:
        """As read at first, with what was imagined since."""
        if pool not in self._images:
            self._images[pool] = self._platform.image(pool)
        return self._images[pool]

    def replace(self, pool: Unit, image: str) -> None:
        """Imagine new instances."""
        self._show(f"would replace {pool}")
        self._images[pool] = image


class Leap:
    """A clock on which waiting takes no time."""

    def __init__(self, clock: Clock) -> None:
        """clock: the true one, which it starts from."""
        self._now = clock.now()

    def now(self) -> datetime:
        """The imagined present."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Be there at once."""
        self._now += timedelta(seconds=seconds)
