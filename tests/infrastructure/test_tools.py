"""What the trade's own checkers say of the configuration, the migrations, the pipelines and the scripts."""

import json
import subprocess
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.infrastructure.terraform import ROOT, tool

EXCEPTIONS: Final[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "exceptions.yaml").read_text("utf-8"))

LOOKED_AT: Final = {"CKV_GCP_6", "CKV_GCP_60", "CKV_GCP_4"}
"""Cloud SQL's TLS, its public address, and the load balancer's TLS."""

Finding = tuple[str, str, str]
"""The rule, the file or resource, and the whole text."""


def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program of `.venv-infra` in the checkout."""
    return subprocess.run([tool(name), *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def files(*patterns: str) -> list[str]:
    """The files of the checkout that match, as Git knows them or could know them."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted(name for name in told.splitlines() if (ROOT / name).is_file())


def unexcused(checker: str, found: Iterable[Finding]) -> Iterator[str]:
    """The findings without an exception, and the exceptions without a finding."""
    excused = {(rule, pattern): False for rule, each in EXCEPTIONS[checker].items() for pattern in each["in"]}
    for rule, where, text in found:
        matching = [key for key in excused if key[0] == rule and fnmatch(where, key[1])]
        excused |= dict.fromkeys(matching, True)
        if not matching:
            yield text
    for (rule, pattern), needed in excused.items():
        if not needed:
            yield f"exceptions.yaml excuses {rule} in {pattern}, where it is not found"


def test_every_exception_has_a_reason() -> None:
    """A sentence at least."""
    given = [each["why"] for checker in EXCEPTIONS.values() for each in checker.values()]
    assert [why for why in given if len(why) < 8] == []


def test_checkov_finds_nothing_unexcused() -> None:
    """And it looks at what matters most: each exception is in exceptions.yaml."""
    options = ("--framework", "terraform", "--output", "json", "--compact", "--skip-download", "--skip-path", "tests")
    report = json.loads(run("checkov", "--directory", "terraform", *options).stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert {check["check_id"] for check in report["results"]["passed_checks"]} >= LOOKED_AT
    failed = report["results"]["failed_checks"]
    found = [(e["check_id"], e["resource"], f"{e['check_id']} {e['resource']}: {e['check_name']}") for e in failed]
    assert sorted(unexcused("checkov", found)) == []


def squawk(*paths: str) -> list[Finding]:
    """What squawk finds in migrations, which run in a transaction each."""
    done = run("squawk", "--assume-in-transaction", "--pg-version", "17", "--reporter", "json", *paths)
    found = json.loads(done.stdout)
    return [(e["rule_name"], e["file"], f"{e['file']}:{e['line']} {e['rule_name']}: {e['message']}") for e in found]


def test_migrations_expand_and_lock_nothing() -> None:
    """Each exception is in exceptions.yaml."""
    paths = files("functions/*/sql/migrations/*.sql", "shared/*/sql/migrations/*.sql")
    assert len(paths) > 20
    assert sorted(unexcused("squawk", squawk(*paths))) == []


def test_squawk_finds_what_the_previous_release_would_miss(tmp_path: Path) -> None:
    """A column dropped or renamed, a constraint that old code does not meet."""
    path = tmp_path / "0099-contract.sql"
    path.write_text(
        "ALTER TABLE orders DROP COLUMN total;\nALTER TABLE orders RENAME COLUMN a TO b;\n"
        "ALTER TABLE orders ALTER COLUMN c SET NOT NULL;\nALTER TABLE orders ALTER COLUMN d TYPE bigint;\n",
        encoding="utf-8",
    )
    expected = {"ban-drop-column", "renaming-column", "adding-not-nullable-field", "changing-column-type"}
    assert expected <= {rule for rule, *_ in squawk(str(path))}


def test_pipelines_are_valid(tmp_path: Path) -> None:
    """By Cloud Build's own schema; a misspelled field is refused."""
    schema = ("--builtin-schema", "vendor.cloudbuild")
    for name in files("cloudbuild/*.yaml"):
        done = run("check-jsonschema", *schema, name)
        assert done.returncode == 0, done.stdout
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("steps: [{name: image, scripts: make}]\n", encoding="utf-8")
    assert run("check-jsonschema", *schema, str(wrong)).returncode == 1


def scripts() -> list[str]:
    """The shell scripts: by name, or by their first line."""
    return [
        name
        for name in files()
        if name.endswith(".sh") or (ROOT / name).read_bytes()[:40].startswith((b"#!/usr/bin/env bash", b"#!/bin/sh"))
    ]


def test_shell_scripts_are_sound() -> None:
    """By shellcheck, its warnings too."""
    found = scripts()
    assert ".ci/run" in found
    done = run("shellcheck", *found)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("text", ["#!/bin/sh\nrm -rf $1/*\n", "#!/bin/sh\ncd somewhere\nrm x\n"])
def test_shellcheck_finds_what_breaks(text: str, tmp_path: Path) -> None:
    """It does check: an unquoted variable, a failed cd."""
    (tmp_path / "script").write_text(text, encoding="utf-8")
    assert run("shellcheck", str(tmp_path / "script")).returncode == 1
