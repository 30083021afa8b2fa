"""The small parts: the throttle, the command line, the access log as metrics, faults."""

import argparse
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.api.distribution_pb2 import Distribution

from cloudbuild.rollout import __main__ as command
from cloudbuild.rollout.local.faults import Fault, Faulty
from cloudbuild.rollout.local.served import AccessLog
from cloudbuild.rollout.metrics import buckets
from cloudbuild.rollout.throttle import Throttle
from tests.cloudbuild.conftest import NEW, Scene
from tests.cloudbuild.google_run import OLD

AT = datetime(2026, 11, 30, 9, tzinfo=UTC)


def test_writes_are_spaced() -> None:
    """Evenly, after the first; a pause earns no burst."""
    now, waited = [0.0], list[float]()
    throttle = Throttle(60.0, lambda: now[0], waited.append)
    for _ in range(3):
        throttle.wait()
    assert waited == [1.0, 2.0]
    now[0] = 100.0
    throttle.wait()
    throttle.wait()
    assert waited == [1.0, 2.0, 1.0]


def chosen(*words: str) -> argparse.Namespace:
    """What the command line would choose."""
    given = {"command": "release", "image": NEW, "since": None, "dry_run": False, "accept": False, "report": None}
    return argparse.Namespace(**given | {"step_seconds": 0.0} | dict(zip(words[::2], words[1::2], strict=True)))


def test_a_gate_of_the_command_refuses(scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, nothing written, and a report that says why."""
    options = chosen()
    options.report = tmp_path / "report.json"
    assert command.run(options, scene.platform, scene.parts, lambda since: ["orders.stage is gone"]) == 2
    assert scene.google.writes == []
    assert json.loads(options.report.read_text(encoding="utf-8"))["reason"] == "orders.stage is gone"
    assert "refused: orders.stage is gone" in capsys.readouterr().out


def test_a_dry_run_of_the_command_writes_nothing(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    options = chosen()
    options.dry_run = True
    assert command.run(options, scene.platform, scene.parts, lambda since: []) == 0
    assert scene.google.writes == []
    assert "would deploy create-order" in capsys.readouterr().out


def test_the_command_shows_what_serves(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """The image, for the build; and each unit's split, for a person."""
    assert command.run(chosen("command", "serving"), scene.platform, scene.parts, lambda since: []) == 0
    assert capsys.readouterr().out == f"{OLD}\n"
    assert command.run(chosen("command", "status"), scene.platform, scene.parts, lambda since: []) == 0
    assert "create-order-00001-abc 100 %" in capsys.readouterr().out


def test_an_image_is_named_by_its_digest() -> None:
    """A tag may mean another image tomorrow."""
    with pytest.raises(SystemExit):
        command.main(["release", "--project", "p", "--image", "repository/meridian:latest"])


def line(seconds: float, cluster: str, status: int, duration: int) -> str:
    at = (AT + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"at": at, "cluster": cluster, "status": status, "duration_ms": duration}) + "\n"


def test_a_log_that_grows_is_read_on(tmp_path: Path) -> None:
    """Half a line waits for its other half; a response that nobody got is a failure."""
    path = tmp_path / "access.log"
    log = AccessLog(path)
    assert log.sample("a", AT, AT + timedelta(minutes=1)).requests == 0
    whole = line(1, "functions-a", 200, 100) + line(2, "functions-b", 500, 5) + line(3, "functions-a", 0, 2000)
    path.write_text(whole[:-20], encoding="utf-8")
    assert log.sample("a", AT, AT + timedelta(minutes=1)).requests == 1
    path.write_text(whole, encoding="utf-8")
    found = log.sample("a", AT, AT + timedelta(minutes=1))
    assert (found.requests, found.errors) == (2, 1)
    assert 1900 < found.p99 < 2200
    assert log.sample("a", AT, AT + timedelta(seconds=3)).requests == 1


def test_faults_show_under_real_traffic_only() -> None:
    """The smoke test and health checks are no real traffic."""
    statuses: list[str] = []

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [b""]

    faulty = Faulty(application, Fault.ERRORS, seconds=0.0)
    for environ in ({}, {"HTTP_X_FORWARDED_FOR": "192.0.2.1"}):
        statuses.clear()
        for _ in range(100):
            faulty(environ, lambda status, headers: statuses.append(status))
        assert sum(status.startswith("500") for status in statuses) == (5 if environ else 0)


@pytest.mark.parametrize(
    ("options", "bounds"),
    [
        ({"exponential_buckets": {"num_finite_buckets": 2, "growth_factor": 2.0, "scale": 1.0}}, [0, 1, 2, 4]),
        ({"linear_buckets": {"num_finite_buckets": 2, "width": 5.0, "offset": 10.0}}, [0, 10, 15, 20]),
        ({"explicit_buckets": {"bounds": [3.0, 9.0, 27.0]}}, [0, 3, 9, 27]),
    ],
    ids=["exponential", "linear", "explicit"],
)
def test_buckets_of_each_kind_are_read(options: dict[str, Any], bounds: list[float]) -> None:
    """The first is below the least bound, the last above the greatest; empty ones are left out."""
    found = list(buckets(Distribution(bucket_options=options, bucket_counts=[1, 0, 3, 4])))
    assert [(each.low, each.count) for each in found] == [(bounds[0], 1), (bounds[2], 3), (bounds[3], 4)]


def test_a_distribution_without_buckets_is_no_guess() -> None:
    with pytest.raises(ValueError, match="without buckets"):
        list(buckets(Distribution(bucket_counts=[1])))
