"""What can be said of the image without building it; `make image` builds and runs it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from cloudbuild.image import tools
from cloudbuild.manifests.containers import ACCOUNT
from shared.registry import load
from shared.requirements import rows_of

ROOT: Final = Path(__file__).parents[2]
DOCKERFILE: Final = (ROOT / "cloudbuild/Dockerfile").read_text(encoding="utf-8")
STAGES: Final = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)


def test_where_a_program_is_missing_one_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing is begun."""
    from cloudbuild.image.__main__ import main

    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(tools, "run", lambda *_: pytest.fail("it began all the same"))
    monkeypatch.setattr(sys, "argv", ["image"])
    assert main() == 1
    (sentence,) = capsys.readouterr().err.splitlines()
    assert all(name in sentence for name in tools.PACKAGES)


def test_bases_have_no_default() -> None:
    """So that nobody builds on something that was not resolved to a digest; and nothing else is built on."""
    assert re.findall(r"^ARG (BUILDER|BASE)(.*)$", STAGES[0], re.MULTILINE) == [("BUILDER", ""), ("BASE", "")]
    assert [stage.split()[0] for stage in STAGES[1:]] == ["${BUILDER}", "${BASE}"]


def test_wheels_are_installed_by_hash_from_a_folder() -> None:
    """And none from an index."""
    installs = re.findall(r"pip .*\binstall\b.*", STAGES[1])
    assert len(installs) == 2
    assert all("--require-hashes" in line and "--only-binary=:all:" in line for line in installs)
    assert "PIP_NO_INDEX=1" in STAGES[1]


def test_the_image_runs_roles_as_nobody() -> None:
    """As the account that the manifests name; its last stage runs no shell."""
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == [f"{ACCOUNT}:{ACCOUNT}"]
    assert 'ENTRYPOINT ["python3.11", "-m", "functions.main"]' in STAGES[2]
    assert not re.search(r"^(RUN|CMD|ENTRYPOINT) (?!\[)", STAGES[2], re.MULTILINE)


def test_the_context_holds_what_a_commit_holds() -> None:
    """Of the checkout only production code, and what it depends on."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    copied = set(re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE))
    assert allowed == {name for line in copied for name in line.split()}
    tracked = subprocess.run(["git", "ls-files", *allowed], cwd=ROOT, capture_output=True, text=True, check=True)
    assert tracked.stdout.splitlines()


def test_every_role_has_operations() -> None:
    """The roles that are deployed run what main runs."""
    for service, known in load().services.items():
        consumed = [row for row in load().of(service) if row.event]
        assert [row for row in rows_of("consumer", service) if not row.worker] == consumed
        assert all(row in rows_of("relay", service) for row in consumed)
        assert not known.works or rows_of("rpc", service)
