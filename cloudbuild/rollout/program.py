"""The rollout itself: what is done in which order. It decides by traffic.py and analysis.py, and acts through port.py.

It keeps nothing: what it has to know after a crash, it reads from the tags and shares that it has set. Run again with
the same image, it goes on with the step that was on its way, whose window begins anew.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from cloudbuild.rollout.analysis import Finding, Sample, Thresholds, Verdict, judge
from cloudbuild.rollout.port import Clock, Conflict, Failed, Platform
from cloudbuild.rollout.report import Outcome, Report
from cloudbuild.rollout.traffic import Interfered, Split, Stage, Target, promoted, share, shared, stage, withdrawn
from cloudbuild.rollout.units import Group, Parts, Unit

T = TypeVar("T")

ATTEMPTS: Final = 5
"""How often a write is tried that meets another's."""


@dataclass(frozen=True)
class Settings:
    """How carefully a release goes out.

    steps: green's shares of the traffic in percent. settle_seconds: how long after a shift latencies do not count, as
    instances start; failures do. step_seconds: how long a step is watched from then on. lag_seconds: how late metrics
    may be. poll_seconds: how often they are read meanwhile, to notice the worst early. extensions: how often a step
    that stays inconclusive is prolonged by its length, before a person is asked. parallel: how many units at once.
    """

    steps: tuple[int, ...] = (5, 25, 50, 100)
    settle_seconds: float = 60.0
    step_seconds: float = 300.0
    lag_seconds: float = 180.0
    poll_seconds: float = 30.0
    extensions: int = 3
    parallel: int = 8
    thresholds: Thresholds = field(default_factory=Thresholds)


class _Unhealthy(Exception):
    """The release has to go back."""


class _Inconclusive(Exception):
    """A person has to decide."""


class Rollout:
    """Takes one release out, or back."""

    def __init__(self, platform: Platform, parts: Parts, settings: Settings, clock: Clock, report: Report) -> None:
        """parts: what the release consists of, in order. report: is told of everything."""
        self._platform = platform
        self._parts = parts
        self._settings = settings
        self._clock = clock
        self._report = report

    def release(self, image: str, gate: Callable[[], Iterable[str]] = tuple, *, accept: bool = False) -> Outcome:
        """Take an image out, or go on doing so.

        gate: why it must not go out; it is asked before anything is deployed.
        accept: a person has decided that the step which was inconclusive is good enough. Unhealthy still outranks.
        """
        try:
            reasons = list(gate()) or self._reasons_against(image)
            for reason in reasons:
                self._note("before anything", reason)
            if reasons:
                return self._end(Outcome.REFUSED, _first(reasons))
            for group in self._parts.groups:
                accept = self._move(group, image, accept=accept)
            for pool in self._parts.pools:
                self._replace(pool, image)
        except (_Unhealthy, Failed) as error:
            return self.roll_back(image, str(error))
        except _Inconclusive as error:
            return self._end(Outcome.WAITING, f"{error}; run again with --accept, or roll back")
        except Interfered as error:
            return self._end(Outcome.FAILED, f"{error}; nothing more is touched, see who else is at work")
        return self._end(Outcome.RELEASED, "all traffic is on it")

    def roll_back(self, image: str, reason: str) -> Outcome:
        """Take an image back wherever it is, without any analysis. What cannot be done does not stop the rest."""
        self._note("everywhere", f"back: {reason}")
        replaced: set[str] = set()
        failures: list[str] = []

        def back(unit: Unit) -> None:
            try:
                if before := self._withdraw(unit, image):
                    replaced.add(before)
            except (Failed, Interfered, Conflict) as error:
                failures.append(f"{unit}: {error}")

        self._each(self._parts.units, back)
        for pool in self._parts.pools if replaced else ():
            try:
                if self._platform.image(pool) not in replaced:
                    self._platform.replace(pool, min(replaced))
                    self._note(pool, "back")
            except Failed as error:
                failures.append(f"{pool}: {error}")
        if failures:
            return self._end(Outcome.FAILED, f"{reason}; not taken back: {'; '.join(sorted(failures))}")
        return self._end(Outcome.ROLLED_BACK, reason)

    # One group

    def _reasons_against(self, image: str) -> list[str]:
        """Why a release may not begin or go on: something is missing, rejected, or occupied by another."""

        def against(unit: Unit) -> str:
            try:
                here = stage(self._platform.split(unit), image)
            except (Failed, Interfered) as error:
                return f"{unit}: {error}"
            return f"{unit}: {here.value}" if here in (Stage.REJECTED, Stage.OCCUPIED) else ""

        found = [each for each in self._each(self._parts.units, against) if each]
        for pool in self._parts.pools:
            try:
                self._platform.image(pool)
            except Failed as error:
                found.append(f"{pool}: {error}")
        return found

    def _move(self, group: Group, image: str, *, accept: bool) -> bool:
        """Take one group to where all its traffic is on green, and green is blue. Returns whether `accept` is left."""
        self._each(group.units, lambda unit: self._deploy(unit, image))
        splits = dict(zip(group.units, self._each(group.units, self._platform.split), strict=True))
        trial = Group(group.region, group.name, tuple(u for u in group.units if splits[u].green))
        if not trial.units:
            return accept
        self._smoke(trial, splits)
        shares = {share(splits[unit]) for unit in trial.units}
        # One that is released already was promoted by a run that had finished the last step.
        finished = shares == {100} and len(trial.units) < len(group.units)
        baseline: dict[Unit, Sample] = {}
        for percent in () if finished else self._steps(max(shares)):
            self._write(trial, f"{percent} %", partial(shared, percent=percent))
            self._watch(trial, percent, baseline, accept=accept)
            accept = False  # it was for the step that was inconclusive, which is the first of this run
        self._write(trial, "green is blue", promoted)
        return accept

    def _steps(self, reached: int) -> list[int]:
        """The steps that are left, beginning with the one that was on its way.

        The last step needs what blue served in the one before, which is therefore repeated.
        """
        before_last = max((step for step in self._settings.steps if step < 100), default=100)
        return [step for step in self._settings.steps if step >= min(reached, before_last)]

    def _deploy(self, unit: Unit, image: str) -> None:
        for _ in range(ATTEMPTS):
            split = self._platform.split(unit)
            here = stage(split, image)
            if here in (Stage.TRIAL, Stage.RELEASED):
                return
            if here is not Stage.ABSENT:
                raise Interfered(f"{unit}: {here.value}")
            try:
                self._platform.deploy(unit, split, image)
            except Conflict:
                continue
            except Failed as error:
                raise _Unhealthy(f"{unit} does not start: {error}") from error
            self._note(unit, "green is deployed, without traffic")
            return
        raise Interfered(f"{unit}: others keep changing it")

    def _smoke(self, group: Group, splits: dict[Unit, Split]) -> None:
        found = self._each(group.units, lambda unit: self._platform.smoke(unit, splits[unit]))
        failed = [f"{unit}: {reason}" for unit, reason in zip(group.units, found, strict=True) if reason]
        if failed:
            raise _Unhealthy(f"smoke test: {_first(failed)}")
        self._note(group, f"{len(group.units)} respond through the tag")

    def _write(self, group: Group, what: str, make: Callable[[Split], tuple[Target, ...]]) -> None:
        self._each(group.units, lambda unit: self._route(unit, make))
        self._note(group, what)

    def _route(self, unit: Unit, make: Callable[[Split], tuple[Target, ...] | None]) -> Split | None:
        """Write what `make` makes of the present split. Returns that split, or None if there was nothing to do."""
        for _ in range(ATTEMPTS):
            split = self._platform.split(unit)
            targets = make(split)
            if targets is None or set(targets) == set(split.targets):
                return None
            try:
                self._platform.route(unit, split, targets)
            except Conflict:
                continue
            return split
        raise Interfered(f"{unit}: others keep changing it")

    def _withdraw(self, unit: Unit, image: str) -> str:
        """Take a release off one unit. Returns the image that serves instead; empty if the release was not there."""
        split = self._route(unit, lambda split: withdrawn(split, image))
        if split is None:
            return ""
        targets = withdrawn(split, image) or ()
        self._note(unit, "back: all traffic is on blue")
        return next(split.images.get(target.revision, "") for target in targets if target.percent)

    def _replace(self, pool: Unit, image: str) -> None:
        if self._platform.image(pool) == image:
            return
        try:
            self._platform.replace(pool, image)
        except Failed as error:
            raise _Unhealthy(f"{pool} does not start: {error}") from error
        self._note(pool, "replaced")

    # Watching

    def _watch(self, group: Group, percent: int, baseline: dict[Unit, Sample], *, accept: bool) -> None:
        """Wait until a step is healthy. Raises _Unhealthy as soon as it is not, _Inconclusive when it stays unclear."""
        start = self._clock.now()
        settled = start + timedelta(seconds=self._settings.settle_seconds)
        known = dict(baseline)
        self._until(group, settled, lambda: self._seen(group, start, settled, percent, known, settled=False))
        for prolonged in range(self._settings.extensions + 1):
            end = settled + timedelta(seconds=self._settings.step_seconds * (prolonged + 1))
            arrived = end + timedelta(seconds=self._settings.lag_seconds)
            finding = self._until(group, arrived, partial(self._seen, group, settled, end, percent, baseline))
            healthy = finding.verdict is Verdict.HEALTHY
            self._note(group, f"{percent} %: {'healthy' if healthy else 'inconclusive'}: {finding.reason}", finding)
            if healthy or accept:
                return
        raise _Inconclusive(f"{group} stays inconclusive at {percent} %: {finding.reason}")

    def _until(self, group: Group, until: datetime, look: Callable[[], Finding]) -> Finding:
        """What is seen of a group at a time. Raises _Unhealthy as soon as that is seen."""
        while True:
            left = (until - self._clock.now()).total_seconds()
            self._clock.sleep(max(0.0, min(self._settings.poll_seconds, left)))
            finding = look()
            if finding.verdict is Verdict.UNHEALTHY:
                self._note(group, f"unhealthy: {finding.reason}", finding)
                raise _Unhealthy(f"{group}, {finding.subject}: {finding.reason}")
            if self._clock.now() >= until:
                return finding

    def _seen(
        self,
        group: Group,
        start: datetime,
        end: datetime,
        percent: int,
        baseline: dict[Unit, Sample],
        *,
        settled: bool = True,
    ) -> Finding:
        """The verdict on a window as far as is known by now.

        settled: whether latencies count. At 100 % blue serves nothing: failures are compared with its `baseline`, of
        the step before, and latencies with nothing, since they change with the load and the time of day.
        """
        try:
            found = self._platform.samples(group.units, start, min(end, self._clock.now()))
            splits = dict(zip(group.units, self._each(group.units, self._platform.split), strict=True))
        except Failed as error:  # no data is no verdict: the next poll may have some
            return Finding("metrics", Verdict.INCONCLUSIVE, str(error), few=True)
        pairs = {}
        for unit, split in splits.items():
            if split.green is None or split.green.percent != percent:
                raise Interfered(f"{unit}: green has {share(split)} percent, and not {percent}")
            green = found.get((unit, split.green.revision), Sample())
            if percent < 100:
                baseline[unit] = found.get((unit, split.blue.revision), Sample())
            pairs[str(unit)] = (green, baseline.get(unit, Sample()))
        return judge(pairs, self._settings.thresholds, by_latency=settled and percent < 100)

    # Helpers

    def _each(self, units: Sequence[Unit], do: Callable[[Unit], T]) -> list[T]:
        """Do something to several units at once; the first failure is raised when all have ended."""
        if not units:
            return []
        with ThreadPoolExecutor(min(self._settings.parallel, len(units))) as pool:
            return list(pool.map(do, units))

    def _note(self, where: object, what: str, finding: Finding | None = None) -> None:
        self._report.add(self._clock.now(), where, what, finding)

    def _end(self, outcome: Outcome, reason: str) -> Outcome:
        return self._report.end(self._clock.now(), outcome, reason)


def _first(reasons: Sequence[str]) -> str:
    return reasons[0] + (f", and {len(reasons) - 1} more" if reasons[1:] else "")
