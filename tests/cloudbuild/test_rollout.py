"""The rollout against Google's APIs: a good release goes out in steps, a bad one comes back, and a crash resumes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from cloudbuild.rollout.port import Platform
from cloudbuild.rollout.program import Rollout
from cloudbuild.rollout.rehearsal import Leap, Rehearsal
from cloudbuild.rollout.report import Outcome, Report
from cloudbuild.rollout.units import Parts, Unit
from tests.cloudbuild.conftest import FUNCTIONS, NEW, REGIONS, Scene
from tests.cloudbuild.google_run import OLD, Behaviour, serving

BEFORE = {(OLD, 100, ""), (OLD, 0, "pool")}
"""What serves before the first rollout."""

BACK = {(OLD, 100, "blue"), (OLD, 0, "pool")}
RELEASED = {(NEW, 100, "blue"), (NEW, 0, "pool")}


def steps_of(scene: Scene, name: str) -> list[str]:
    """The writes to one service of each region, in order."""
    return [write for write in scene.google.writes if write.startswith(f"{name} ")]


def test_a_good_release_goes_out_in_steps(scene: Scene) -> None:
    """Region after region, RPC hosts before functions, and relays at the very end."""
    rollout, report = scene.rollout()
    assert rollout.release(NEW) is Outcome.RELEASED
    assert scene.serving() == RELEASED
    one = ["create-order [100]"] * 2 + [f"create-order {shares}" for shares in ("[5, 95]", "[25, 75]", "[50, 50]")]
    assert steps_of(scene, "create-order") == [*one, "create-order [100]", "create-order [100]"] * len(REGIONS)
    order = [write.partition(" ")[0] for write in scene.google.writes]
    first, second = (i for i, name in enumerate(order) if name == "rpc-wallet" and order[i - 1] != "rpc-wallet")
    assert first == 0
    assert set(order[:second]) == {"rpc-wallet", *FUNCTIONS}
    assert order[-2:] == ["relay-wallet"] * 2
    assert report.outcome is Outcome.RELEASED


def test_each_step_is_watched_for_its_length_and_the_lag(scene: Scene) -> None:
    """Four groups with four steps each of 300 s, which begin after 60 s, and whose metrics are 180 s late."""
    start = scene.google.clock.now()
    scene.rollout()[0].release(NEW)
    assert (scene.google.clock.now() - start).total_seconds() == 4 * 4 * (60 + 300 + 180)


def test_released_again_it_changes_nothing(scene: Scene) -> None:
    """The same image is there already."""
    scene.rollout()[0].release(NEW)
    scene.google.writes.clear()
    assert scene.rollout()[0].release(NEW) is Outcome.RELEASED
    assert scene.google.writes == []


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (Behaviour(errors=0.05), "requests failed"),
        (Behaviour(milliseconds=120.0), "p99 is"),
        (Behaviour(starts=False), "does not start: the container failed to start"),
        (Behaviour(responds=False), "smoke test: rpc-wallet"),
    ],
    ids=["5 % errors", "tripled latency", "crashes", "fails its smoke test"],
)
def test_a_bad_release_comes_back(scene: Scene, bad: Behaviour, reason: str) -> None:
    """With never more than the first step's share of traffic on it, wherever it is seen first."""
    scene.google.behaviours[NEW] = bad
    rollout, report = scene.rollout()
    assert rollout.release(NEW) is Outcome.ROLLED_BACK
    assert reason in report.reason
    # A crash leaves RPC hosts of which only the failing one was touched.
    assert scene.serving() <= BACK | BEFORE
    assert {write for write in scene.google.writes if "[5" in write or "[25" in write} <= {"rpc-wallet [5, 95]"}


def test_a_rejected_release_does_not_come_back_by_itself(scene: Scene) -> None:
    """A build that is retried must not send the same image out again; the next one may go."""
    scene.google.behaviours[NEW] = Behaviour(errors=0.05)
    scene.rollout()[0].release(NEW)
    scene.google.behaviours.clear()
    rollout, report = scene.rollout()
    assert rollout.release(NEW) is Outcome.REFUSED
    assert "rejected" in report.reason
    assert scene.rollout()[0].release("repository/meridian@sha256:next") is Outcome.RELEASED


def test_a_failing_function_is_noticed_among_many_good_ones(scene: Scene) -> None:
    """Its own requests convict it, while all together look well; what the region had of the release comes back too."""
    parts = scene.parts
    scene.google.rates = {"grant-roles": 1.0, "create-order": 500.0}
    only_one = scene.google._series

    def series(metric: str, name: str, revision: str, count: float) -> Any:
        scene.google.behaviours[NEW] = Behaviour(errors=0.5 if name.endswith("grant-roles") else 0.0)
        return only_one(metric, name, revision, count)

    scene.google._series = series  # type: ignore[method-assign]
    rollout, report = scene.rollout()
    assert rollout.release(NEW) is Outcome.ROLLED_BACK
    assert f"grant-roles in {REGIONS[0]}" in report.reason
    assert scene.parts == parts
    assert scene.serving() == BACK | BEFORE


def test_a_host_that_answers_wrongly_is_noticed_before_functions_move(scene: Scene) -> None:
    """gRPC's errors are no 5xx of Cloud Run's: the host's own counts convict it. Refusals are no failures."""
    scene.google.behaviours[NEW] = Behaviour(outcomes={"UNAVAILABLE": 0.05, "INTERNAL": 0.05, "SOLD_OUT": 0.5})
    rollout, report = scene.rollout()
    assert rollout.release(NEW) is Outcome.ROLLED_BACK
    assert f"RPC hosts in {REGIONS[0]}" in report.reason
    assert not [write for write in scene.google.writes if write.split()[0] in FUNCTIONS]
    assert scene.serving() == BACK | BEFORE


def test_refusals_of_a_host_are_no_failures(scene: Scene) -> None:
    """Whoever asks for what is sold out is answered as they should be."""
    scene.google.behaviours[NEW] = Behaviour(outcomes={"SOLD_OUT": 0.5})
    assert scene.rollout()[0].release(NEW) is Outcome.RELEASED


def test_a_second_region_takes_the_first_back_with_it(scene: Scene) -> None:
    """A release is everywhere or nowhere: what has been released goes back to the revision that served before."""
    ask, google = scene.google.ask, scene.google
    google.ask = lambda unit, url: "GET /: 500" if unit.region == REGIONS[1] else ask(unit, url)  # type: ignore[method-assign]
    assert scene.rollout()[0].release(NEW) is Outcome.ROLLED_BACK
    assert {image for image, _, _ in scene.serving()} == {OLD}


def test_a_relay_that_does_not_start_takes_everything_back(scene: Scene) -> None:
    """Pools of the old image go on; functions return to the revision before."""
    behaviour = scene.google.behaviour
    pools = scene.google.update_worker_pool

    def update(request: Any, context: Any) -> Any:
        scene.google.behaviour = lambda image: Behaviour(starts=image == OLD)  # type: ignore[method-assign]
        try:
            return pools(request, context)
        finally:
            scene.google.behaviour = behaviour  # type: ignore[method-assign]

    scene.google.update_worker_pool = update  # type: ignore[method-assign]
    with_fault = type(scene)(scene.google, scene.clients)
    with serving(scene.google) as clients:
        with_fault.clients = clients
        rollout, report = with_fault.rollout()
        assert rollout.release(NEW) is Outcome.ROLLED_BACK
        assert "relay-wallet" in report.reason
        assert with_fault.serving() == BACK


def test_no_traffic_neither_fails_nor_advances(scene: Scene) -> None:
    """It waits, prolongs, and then asks a person, with the split as it is."""
    scene.google.blind = True
    rollout, report = scene.rollout()
    assert rollout.release(NEW) is Outcome.WAITING
    assert scene.serving() == {(NEW, 5, "green"), (OLD, 95, "blue"), (OLD, 100, ""), (OLD, 0, "pool")}
    assert [entry.what for entry in report.entries].count("5 %: inconclusive: green served 0 requests") == 4


def test_metrics_that_cannot_be_read_are_no_verdict(scene: Scene) -> None:
    """A permission that is missing asks a person, and says so."""
    scene.google.denied = True
    rollout, report = scene.rollout()
    assert rollout.release(NEW) is Outcome.WAITING
    assert "monitoring.timeSeries.list is denied" in report.reason


def test_a_person_may_accept_one_inconclusive_step(scene: Scene) -> None:
    """That one, not the next."""
    scene.google.blind = True
    scene.rollout()[0].release(NEW)
    rollout, report = scene.rollout()
    assert rollout.release(NEW, accept=True) is Outcome.WAITING
    assert "at 25 %" in report.reason
    scene.google.blind = False
    assert scene.rollout()[0].release(NEW) is Outcome.RELEASED


def test_what_is_accepted_may_still_be_unhealthy(scene: Scene) -> None:
    """Unhealthy outranks."""
    scene.google.blind = True
    scene.rollout()[0].release(NEW)
    scene.google.blind, scene.google.behaviours[NEW] = False, Behaviour(errors=0.2)
    assert scene.rollout()[0].release(NEW, accept=True) is Outcome.ROLLED_BACK


def test_a_person_may_roll_back_at_any_time(scene: Scene) -> None:
    """On trial, without analysis; and after the release, to what served before."""
    scene.google.blind = True
    scene.rollout()[0].release(NEW)
    assert scene.rollout()[0].roll_back(NEW, "by hand") is Outcome.ROLLED_BACK
    assert scene.serving() == BACK | BEFORE
    scene.google.blind = False
    next_image = "repository/meridian@sha256:next"
    assert scene.rollout()[0].release(next_image) is Outcome.RELEASED
    assert scene.rollout()[0].roll_back(next_image, "by hand") is Outcome.ROLLED_BACK
    assert scene.serving() == BACK


def test_a_gate_refuses_before_anything_is_deployed(scene: Scene) -> None:
    """An incompatible migration, for one."""
    rollout, report = scene.rollout()
    assert rollout.release(NEW, lambda: ["orders.stage is gone"]) is Outcome.REFUSED
    assert report.reason == "orders.stage is gone"
    assert scene.google.writes == []


def test_what_terraform_has_not_created_refuses(scene: Scene) -> None:
    """Before anything is deployed."""
    del scene.google.services[next(name for name in scene.google.services if name.endswith("get-order"))]
    rollout, report = scene.rollout()
    assert rollout.release(NEW) is Outcome.REFUSED
    assert "apply Terraform first" in report.reason
    assert scene.google.writes == []


def test_another_release_on_trial_refuses(scene: Scene) -> None:
    """Two rollouts at once would undo each other."""
    scene.google.blind = True
    scene.rollout()[0].release(NEW)
    before = scene.serving()
    rollout, report = scene.rollout()
    assert rollout.release("repository/meridian@sha256:next") is Outcome.REFUSED
    assert "another release is on trial" in report.reason
    assert scene.serving() == before


# Faults of the APIs


@pytest.mark.parametrize(
    "fault",
    [
        lambda google: setattr(google, "conflicts", 3),
        lambda google: setattr(google, "refused", 4),
        lambda google: setattr(google, "pending", 3),
    ],
    ids=["etags", "quota", "long operations"],
)
def test_passing_faults_change_nothing(scene: Scene, fault: Callable[[Any], None]) -> None:
    """Writes that meet another's, or the quota, are tried again; operations are waited for."""
    fault(scene.google)
    assert scene.rollout()[0].release(NEW) is Outcome.RELEASED
    assert scene.serving() == RELEASED


def test_somebody_who_keeps_writing_is_not_fought(scene: Scene) -> None:
    """It stops, and says so."""
    scene.google.conflicts = 1_000
    rollout, report = scene.rollout()
    assert rollout.release(NEW) is Outcome.FAILED
    assert "others keep changing it" in report.reason


def test_a_split_changed_by_hand_is_left_alone(scene: Scene) -> None:
    """A person has moved traffic during a step."""
    scene.google.blind = True
    scene.with_settings(extensions=0)
    unit = scene.parts.groups[0].units[0]

    class Meddled:
        """Moves traffic when metrics are first read."""

        def __init__(self, platform: Platform) -> None:
            self._platform = platform

        def __getattr__(self, name: str) -> Any:
            return getattr(self._platform, name)

        def samples(self, *arguments: Any) -> Any:
            split = self._platform.split(unit)
            self._platform.route(unit, split, [*reversed(_swapped(split.targets))])
            return self._platform.samples(*arguments)

    rollout, report = scene.rollout(Meddled)
    assert rollout.release(NEW) is Outcome.FAILED
    assert "green has 95 percent, and not 5" in report.reason


def _swapped(targets: Any) -> Any:
    first, second = targets
    return [replace(first, percent=second.percent), replace(second, percent=first.percent)]


def test_late_data_is_waited_for(scene: Scene) -> None:
    """Bad data that arrives only after the step has ended still counts."""
    scene.google.behaviours[NEW] = Behaviour(errors=0.05)
    scene.with_settings(step_seconds=120.0)
    start = scene.google.clock.now()
    assert scene.rollout()[0].release(NEW) is Outcome.ROLLED_BACK
    assert (scene.google.clock.now() - start).total_seconds() > 120


class Crash(BaseException):
    """The process is gone."""


class Crashing:
    """A platform whose process dies before or after its n-th write."""

    def __init__(self, platform: Platform, writes: int, *, before: bool) -> None:
        self._platform = platform
        self._left = writes
        self._before = before

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._platform, name)
        if name not in ("deploy", "route", "replace"):
            return method

        def write(*arguments: Any) -> Any:
            self._left -= 1
            if self._left < 0 or (self._left == 0 and self._before):
                raise Crash
            method(*arguments)
            if self._left == 0:
                raise Crash

        return write


@pytest.mark.parametrize("before", [pytest.param(True, marks=pytest.mark.long), False], ids=["before", "after"])
def test_a_crash_at_any_write_resumes(scene: Scene, before: bool, subtests: pytest.Subtests) -> None:
    """Another process ends what the first began; no unit is ever taken back, or on more than it should be."""
    scene.with_settings(parallel=1, poll_seconds=600.0)
    host, functions = scene.parts.groups[:2]
    functions = replace(functions, units=functions.units[:2])
    scene.parts = Parts((host, functions), scene.parts.pools[:1])
    writes = 0
    while True:
        writes += 1
        image = f"repository/meridian@sha256:{writes}"
        rollout, _ = scene.rollout(lambda platform: Crashing(platform, writes, before=before))  # noqa: B023
        try:
            rollout.release(image)
        except Crash:
            with subtests.test(writes=writes):
                assert scene.rollout()[0].release(image) is Outcome.RELEASED
                assert scene.serving() == {(image, 100, "blue"), (image, 0, "pool")}
            continue
        break
    assert writes == 3 * 6 + 1 + 1  # a deployment, four steps and a promotion of each unit, a pool, and no more


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_crash_on_the_way_back_resumes(scene: Scene, before: bool) -> None:
    """A rollback that has stopped halfway is finished by the next one."""
    scene.with_settings(parallel=1)
    ask, google = scene.google.ask, scene.google
    google.ask = lambda unit, url: "GET /: 500" if unit.region == REGIONS[1] else ask(unit, url)  # type: ignore[method-assign]
    released = 4 * 6  # the first region's writes
    rollout, _ = scene.rollout(lambda platform: Crashing(platform, released + 3, before=before))
    with pytest.raises(Crash):
        rollout.release(NEW)
    assert {image for image, _, _ in scene.serving()} == {OLD, NEW}
    assert scene.rollout()[0].roll_back(NEW, "by hand") is Outcome.ROLLED_BACK
    assert {image for image, _, _ in scene.serving()} == {OLD}


def test_a_deployment_that_crashed_before_it_was_pinned_is_taken_up(scene: Scene) -> None:
    """Green is on LATEST then: it is the revision created last, if that has started."""
    unit: Unit = scene.parts.groups[0].units[0]
    platform = scene.platform

    def crash(*_: Any) -> None:
        raise Crash

    with patch.object(platform, "route", crash), pytest.raises(Crash):
        platform.deploy(unit, platform.split(unit), NEW)
    split = scene.platform.split(unit)
    assert split.green is not None and split.images[split.green.revision] == NEW
    assert scene.rollout()[0].release(NEW) is Outcome.RELEASED


def test_a_dry_run_writes_nothing(scene: Scene) -> None:
    """It shows every write of a good release, and takes no time."""
    shown: list[str] = []
    rehearsal, clock = Rehearsal(scene.platform, shown.append), Leap(scene.google.clock)
    start = scene.google.clock.now()
    assert Rollout(rehearsal, scene.parts, scene.settings, clock, Report(NEW)).release(NEW) is Outcome.RELEASED
    assert scene.google.writes == []
    assert scene.google.clock.now() == start
    assert "would deploy create-order in europe-west1" in shown
    assert "would route create-order in europe-west1: 95 % blue, 5 % green" in shown
    assert "would replace relay-wallet in us-central1" in shown
