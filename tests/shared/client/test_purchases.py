"""The clients as integrators have them buy something on the stack: the packages, and the collection of requests."""

import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Sequence
from functools import partial, reduce
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulators.stack.stack import Stack
from emulators.waiting import until
from shared.client.http.generate import HERE as HTTP
from shared.client.http.generate import LOCAL
from shared.client.python.generate import HERE as PYTHON
from tests.architecture.codebase import ROOT
from tests.database_probe import DatabaseProbe

EXAMPLES = ROOT / "tests" / "examples"
TYPESCRIPT = ROOT / "shared" / "client" / "typescript"
TSX = (str(TYPESCRIPT / "node_modules" / ".bin" / "tsx"), "--tsconfig", str(TYPESCRIPT / "tsconfig.json"))


@pytest.fixture(scope="module")
def installed_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the Python client as pip installs it, and nothing of the repository."""
    folder = tmp_path_factory.mktemp("client")
    shutil.copytree(PYTHON, folder / "source", ignore=shutil.ignore_patterns("__pycache__", "generate.py"))
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation")
    subprocess.run([*pip, "--target", folder / "site", folder / "source"], check=True)
    assert (folder / "site" / "meridian_client" / "py.typed").exists()
    return folder / "site"


def claimed_by(command: Sequence[str | Path], folder: Path, **variables: str) -> str:
    """What an example prints: the id of the claim that it has made."""
    run = subprocess.run(
        command, cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, check=False, timeout=120
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def was_sold(probe: DatabaseProbe, claim_id: str, supply: dict[str, Any]) -> bool:
    """Whether a claim is one of an order of a supply."""
    (claim,) = probe.rows("claiming", "SELECT order_id FROM claims WHERE id = :id", id=claim_id)
    sql = "SELECT items -> 0 ->> 'supply_id' AS supply_id FROM orders WHERE id = :id"
    return [row["supply_id"] for row in probe.rows("order", sql, id=claim["order_id"])] == [supply["id"]]


@pytest.mark.parametrize("example", ["purchase.py", pytest.param("purchase_async.py", marks=pytest.mark.long)])
def test_the_python_client_buys(
    example: str, stack: Stack, on_sale: Callable[..., dict[str, Any]], installed_client: Path, probe: DatabaseProbe
) -> None:
    """Installed by itself, far from the repository."""
    supply = on_sale()
    command = [sys.executable, EXAMPLES / example, stack.edge_url, supply["id"]]
    claim = claimed_by(command, installed_client, PYTHONPATH=str(installed_client))
    assert was_sold(probe, claim, supply)


def test_the_typescript_client_buys(stack: Stack, on_sale: Callable[..., dict[str, Any]], probe: DatabaseProbe) -> None:
    """`make lint` has checked its types; here it runs."""
    assert (TYPESCRIPT / "node_modules").exists(), "this test needs the TypeScript client's packages: install npm"
    supply = on_sale()
    claim = claimed_by([*TSX, EXAMPLES / "purchase.mts", stack.edge_url, supply["id"]], TYPESCRIPT)
    assert was_sold(probe, claim, supply)


def walk() -> list[tuple[str, str]]:
    """The names and texts of the requests of the purchase in meridian.http."""
    text = (HTTP / "meridian.http").read_text(encoding="utf-8")
    purchase = text.partition("# A purchase\n")[2].partition("# Every operation\n")[0]
    requests = re.split(r"^### .*\n", purchase, flags=re.MULTILINE)[1:]
    names = re.findall(r"^# @name (\w+)$", purchase, re.MULTILINE)
    return list(zip(names, (re.sub(r"^#.*\n", "", each, flags=re.MULTILINE) for each in requests), strict=True))


def test_the_collection_buys(stack: Stack, edge: httpx.Client, probe: DatabaseProbe) -> None:
    """Its requests are sent as they are written, each variable replaced as editors do."""
    told: dict[str, Any] = {}

    def value(found: re.Match[str]) -> str:
        if found[1] in ("base", "$guid"):
            return {"base": stack.edge_url, "$guid": str(uuid.uuid4())}[found[1]]
        name, _, path = found[1].partition(".response.body.$.")
        return str(
            reduce(lambda at, key: at[int(key) if key.isdecimal() else key], re.findall(r"\w+", path), told[name])
        )

    def send(text: str) -> Any:
        head, _, body = re.sub(r"\{\{(.+?)\}\}", value, text).partition("\n\n")
        (method, url), *headers = (line.split(" ", 1) for line in head.splitlines())
        sent = {name.removesuffix(":"): said for name, said in headers}
        ask = partial(edge.request, method, url, headers=sent, content=body.strip().encode() or None)
        response = until(ask, lambda answer: answer.status_code != httpx.codes.SERVICE_UNAVAILABLE)
        assert response.is_success, response.text
        return response.json()

    for name, text in walk():
        told[name] = send(text)
        if name == "paid":
            told[name] = until(partial(send, text), lambda order: order["status"] == "paid")
    assert was_sold(probe, told["claim"]["id"], told["supply"])
    assert told["receipt"]["receipt"].count(".") == 2
    assert LOCAL in (HTTP / "meridian.http").read_text(encoding="utf-8")
