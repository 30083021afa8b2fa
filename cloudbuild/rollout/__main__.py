"""Takes a release out, or back, in the cloud.

    python -m cloudbuild.rollout release --project P --image REPOSITORY@sha256:...   take it out, or go on after a crash
    python -m cloudbuild.rollout release ... --dry-run       show every write, and make none
    python -m cloudbuild.rollout release ... --accept        the step that was inconclusive is good enough
    python -m cloudbuild.rollout rollback --project P --image ...    take it back, without any analysis
    python -m cloudbuild.rollout status --project P          how each unit's traffic is split
    python -m cloudbuild.rollout serving --project P         the image that serves; an empty line if nothing does

The exit code is 0 if what was asked for is done, as the release serves everywhere; 1 rolled back, 2 refused, 3 waiting
for a person, 4 failed.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cloudbuild.compatibility import released
from cloudbuild.compatibility.check import incompatible
from cloudbuild.compatibility.scratch import server
from cloudbuild.rollout.cloud_run import Clients, CloudRun
from cloudbuild.rollout.port import Absent, Clock, Platform
from cloudbuild.rollout.probe import TagProbe
from cloudbuild.rollout.program import Rollout, Settings
from cloudbuild.rollout.rehearsal import Leap, Rehearsal
from cloudbuild.rollout.report import Outcome, Report
from cloudbuild.rollout.units import Parts, parts
from shared.registry import load


class WallClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def gate(since: str | None) -> list[str]:
    """Why the release of this checkout must not go out: its migrations would break the one that serves."""
    serving = released.of_commit(since) if since else released.read()
    with server() as connect:
        return list(incompatible(serving, connect))


def run(
    chosen: argparse.Namespace, platform: Platform, consists_of: Parts, gate: Callable[[str | None], list[str]]
) -> int:
    """Do what was chosen. Returns the exit code."""
    if chosen.command in ("status", "serving"):
        return _show(chosen.command, platform, consists_of)
    clock: Clock = WallClock()
    if chosen.dry_run:
        platform, clock = Rehearsal(platform, print), Leap(clock)
    report = Report(chosen.image, print)
    settings = Settings(step_seconds=chosen.step_seconds)
    rollout = Rollout(platform, consists_of, settings, clock, report)
    if chosen.command == "rollback":
        outcome = rollout.roll_back(chosen.image, "by hand")
        code = 0 if outcome is Outcome.ROLLED_BACK else outcome.exit_code
    else:
        code = rollout.release(chosen.image, lambda: gate(chosen.since), accept=chosen.accept).exit_code
    if chosen.report:
        chosen.report.write_text(report.document(), encoding="utf-8")
    return code


def _show(what: str, platform: Platform, consists_of: Parts) -> int:
    serving: Counter[str] = Counter()
    for unit in consists_of.units:
        try:
            split = platform.split(unit)
        except Absent:
            continue
        serving[split.images[split.blue.revision]] += 1
        if what == "status":
            shares = ", ".join(f"{each.revision} {each.percent} % {each.tag}".rstrip() for each in split.targets)
            print(f"{unit!s:<50} {shares}")
    if what == "serving":
        print("".join(image for image, _ in serving.most_common(1)))
    return 0


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="cloudbuild.rollout", description="Takes a release out, or back.")
    parser.add_argument("command", choices=["release", "rollback", "status", "serving"])
    parser.add_argument("--project", required=True)
    parser.add_argument("--image", default="", help="the image of the release, by digest")
    parser.add_argument("--since", help="the commit of the release that serves; by default what is recorded")
    parser.add_argument("--regions", default="", help="where it goes, in this order; all, the primary last, by default")
    parser.add_argument("--consumers", action="store_true", help="there are worker pools of consumers")
    parser.add_argument("--no-standbys", action="store_true", help="cells have no standbys in other regions")
    parser.add_argument("--step-seconds", type=float, default=Settings().step_seconds)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--accept", action="store_true")
    parser.add_argument("--report", type=Path, help="a file to write the report to, as JSON")
    chosen = parser.parse_args(arguments)
    if chosen.command in ("release", "rollback") and "@sha256:" not in chosen.image:
        parser.error("--image names the release by its digest: REPOSITORY@sha256:...")
    registry = load()
    regions = chosen.regions.split(",") if chosen.regions else []
    consists_of = parts(registry, regions, consumers=chosen.consumers, standbys=not chosen.no_standbys)
    platform = CloudRun(chosen.project, Clients.default(), TagProbe(registry).ask)
    return run(chosen, platform, consists_of, gate)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
