"""Which package may import which: import-linter's contracts hold, and each is proven to detect a violation."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.codebase import FUNCTIONS, HELPERS, ROOT, ROWS, SERVICES, modules, name_of, path_of, tree

LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"
PLAIN = {"shared.errors", "shared.money", "shared.ids", "shared.cells.transit"}
PURE_CHAIN = "shared.chain.core."

OFFENCES = {
    "production code never imports tests": ("shared/clock.py", "import tests.clocks"),
    "nothing that serves imports delivery": ("functions/order/domain/order.py", "import cloudbuild.rollout.traffic"),
    "delivery comes last": ("shared/money.py", "import cloudbuild.rollout.units"),
    "a rollout's decisions know no platform": (
        "cloudbuild/rollout/program.py",
        "from cloudbuild.rollout.cloud_run import CloudRun",
    ),
    "shared never imports a service or the local stack": ("shared/money.py", "import functions.order.views"),
    "production code never imports the local stack": ("functions/order/views.py", "import emulators.stack.ports"),
    "the local stack starts services by their rows, and imports none": (
        "emulators/stack/parts/scheduler.py",
        "import functions.order.expire_orders",
    ),
    "a service never imports another's package, nor main": ("functions/order/saga.py", "import functions.wallet.ports"),
    "domains are plain Python": ("functions/order/domain/order.py", "from shared.contracts import encode"),
    "operations, ports and views know of shared only": ("functions/order/get_order.py", "import shared.config"),
    "adapters are for main alone": (
        "functions/order/saga.py",
        "from functions.order.adapters.clients import GrpcSupply",
    ),
    "services know no runtime": ("functions/order/adapters/work.py", "from shared.runtime import decode"),
    "web frameworks are the runtime's": ("functions/order/list_orders.py", "import flask"),
    "drivers are for the package of their technology": ("functions/wallet/faucet.py", "import pg8000.native"),
    "operations know nothing of Google's libraries and gRPC": (
        "functions/claiming/create_claim.py",
        "def late() -> None:\n    from google.cloud import firestore",
    ),
    "shared points one way": ("shared/postgres/database.py", "from shared.outbox import log"),
}
"""For each contract of pyproject.toml, by the beginning of its name, an import that violates it."""


def lint(root: Path) -> tuple[int, str]:
    """The exit code of the linter in a checkout, and its output on one line."""
    arguments = [sys.executable, "-c", LINT, "--no-cache", "--config", str(root / "pyproject.toml")]
    ended = subprocess.run(arguments, cwd=root, capture_output=True, text=True, check=False)
    return ended.returncode, re.sub(r"\s+", " ", ended.stdout + ended.stderr)


def test_the_contracts_hold() -> None:
    """No import violates a contract; and every contract has a violation below that it is proven to detect."""
    code, output = lint(ROOT)
    assert code == 0, output
    assert f"Contracts: {len(OFFENCES)} kept, 0 broken" in output


@pytest.fixture(scope="module")
def verdict(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The linter's output for a checkout with one forbidden import per contract."""
    root = tmp_path_factory.mktemp("spoilt")
    shutil.copy(ROOT / "pyproject.toml", root)
    for path in modules("functions", "shared", "emulators", "cloudbuild"):
        copy = root / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    shutil.copytree(ROOT / "shared/contracts/gen", root / "shared/contracts/gen")
    for file, offence in OFFENCES.values():
        with (root / file).open("a", encoding="utf-8") as module:
            module.write(f"\n{offence}\n")
    code, output = lint(root)
    assert code == 1, output
    return output


@pytest.mark.parametrize("contract", OFFENCES)
def test_the_linter_notices(contract: str, verdict: str) -> None:
    """A forbidden import breaks its contract wherever in a module it is: the configuration gives no false negatives."""
    file, offence = OFFENCES[contract]
    assert re.search(rf"{re.escape(contract)}((?!KEPT|BROKEN).)*BROKEN", verdict)
    imported = re.search(r"(?:import|from) ([\w.]+)", offence)
    assert imported is not None
    importer = file.removesuffix(".py").replace("/", ".")
    assert re.search(rf"{re.escape(importer)} -> {re.escape(imported[1].split('.')[0])}\S* \(l\.", verdict)


# Allow lists


@cache
def imported_by(path: Path) -> set[str]:
    """What a module imports anywhere; `from a import b` is `a`, or `a.b` if that is a module of ours."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{path}: imports are absolute"
            for alias in node.names:
                inner = ROOT / node.module.replace(".", "/") / alias.name
                ours = inner.with_suffix(".py").exists() or (inner / "__init__.py").exists()
                found.add(f"{node.module}.{alias.name}" if ours else node.module)
    return found


def of_library(module: str) -> bool:
    """Whether a module is in the standard library."""
    return module.split(".", maxsplit=1)[0] in sys.stdlib_module_names


CLOCKS = {"now", "utcnow", "today"}
DOMAINS = [path for path in modules("functions") if "domain" in path.parts]


def beyond(paths: list[Path], allowed: Callable[[str, str], bool]) -> list[str]:
    """The imports that are neither of the standard library nor allowed. allowed: (importer, imported) -> bool."""
    found = [(name_of(path), module) for path in paths for module in imported_by(path)]
    return [
        f"{importer} -> {module}" for importer, module in found if not (of_library(module) or allowed(importer, module))
    ]


def test_a_domain_is_plain() -> None:
    """It imports the standard library, itself, shared's plain modules and pure rules; msgspec for what it stores."""

    def allowed(importer: str, module: str) -> bool:
        own = importer.split(".domain", maxsplit=1)[0] + ".domain"
        if module == "msgspec":
            return importer in (f"{own}.events", "functions.order.domain.quote")
        return module in PLAIN or f"{module}.".startswith((f"{own}.", PURE_CHAIN))

    assert beyond(DOMAINS, allowed) == []


OUTSIDE = {
    *("asyncio", "http", "io", "os", "pathlib", "queue", "random", "select", "shutil", "signal", "socket", "sqlite3"),
    *("ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid", "multiprocessing", "logging"),
}


def test_a_domain_has_no_clock_and_no_input() -> None:
    """Times, ids and randomness are passed in; there are no threads, files or sockets."""
    assert {path: used for path in DOMAINS if (used := {m.split(".")[0] for m in imported_by(path)} & OUTSIDE)} == {}
    called = [(path, node.func) for path in DOMAINS for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
    asks = [path for path, function in called if isinstance(function, ast.Attribute) and function.attr in CLOCKS]
    assert asks == []


def test_an_operation_imports_little() -> None:
    """Its service's domain, ports, types and helpers, shared's contracts, job items and plain modules, and msgspec."""

    def allowed(importer: str, module: str) -> bool:
        own, service = importer.rpartition(".")[0], importer.split(".")[1]
        near = {"ports", "views", "requests", "domain", *HELPERS.get(service, ())}
        neighbours = tuple(f"{own}.{part}." for part in near)
        return module in PLAIN | {"msgspec", "shared.jobs.items"} or f"{module}.".startswith(
            (*neighbours, "shared.contracts.", PURE_CHAIN)
        )

    assert beyond([path_of(row) for row in ROWS], allowed) == []


def test_a_service_imports_no_other() -> None:
    """However an import is written."""
    crossing = [
        f"{name_of(path)} -> {module}"
        for path in modules(*(f"functions/{service}" for service in SERVICES))
        for module in imported_by(path)
        if module.startswith("functions.") and module.split(".")[1] != path.relative_to(FUNCTIONS).parts[0]
    ]
    assert crossing == []
