"""A cold start pays for what its function uses: what is heavy is imported on first use."""

import json
import subprocess
import sys

import pytest

from tests.architecture.house import FUNCTIONS, ROOT, ROWS, modules, name_of

HEAVY = {
    *("google.cloud", "google.api_core", "google.auth", "grpc", "redis", "pg8000", "jwt", "cryptography", "coincurve"),
    *("flask", "werkzeug", "functions_framework", "granian", "eth_account", "opentelemetry", "requests", "httpx"),
    *("yoyo", "emulators", "tests", "pytest"),
}

LIBRARIES_OF_STORES = {"google.cloud", "google.api_core", "google.auth", "grpc", "redis", "eth_account", "requests"}
"""What a store may not import either until it is used: every client of Google's, gRPC, Redis."""

ONE_BY_ONE = """
import json, sys
from importlib import import_module

loaded = set(sys.modules)
for module in sys.argv[1:]:
    import_module(module)
    print(json.dumps([module, sorted(set(sys.modules) - loaded)]))
    loaded = set(sys.modules)
"""
"""Imports modules one after the other in a fresh process, and tells what each has brought with it."""

OPERATIONS = [f"functions.{row.service}.{row.name}" for row in ROWS]
DOMAINS = [name_of(path) for path in modules("functions") if "domain" in path.parts]
STORES = [
    name_of(path)
    for path in modules("functions")
    if path.relative_to(FUNCTIONS).parts[1:2] in (("store.py",), ("store",), ("clients.py",))
]


def brought(*names: str) -> dict[str, list[str]]:
    """What each of these modules loads that those before it have not."""
    arguments = [sys.executable, "-c", ONE_BY_ONE, *names]
    ended = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return dict(json.loads(line) for line in ended.stdout.splitlines())


@pytest.fixture(scope="module")
def loaded() -> dict[str, list[str]]:
    """What main, and after it all operations and domains together, load; then the stores and clients."""
    return brought("functions.main", *sorted({*OPERATIONS, *DOMAINS}), *STORES)


def heavy(found: list[str], libraries: set[str]) -> set[str]:
    """The libraries among what was loaded. A namespace package that is empty, as google.cloud is, costs nothing."""
    return {
        each
        for each in libraries
        if any(name.startswith(f"{each}.") or name == each != "google.cloud" for name in found)
    }


@pytest.mark.parametrize("module", [*OPERATIONS, *DOMAINS])
def test_operations_and_domains_are_light(module: str, loaded: dict[str, list[str]]) -> None:
    """They import no web framework, driver, gRPC or client library, by whatever way."""
    assert heavy(loaded[module], HEAVY) == set()


@pytest.mark.parametrize("module", STORES)
def test_stores_load_clients_when_they_are_used(module: str, loaded: dict[str, list[str]]) -> None:
    """A function that makes no call pays for no gRPC, and none pays for Google's clients before it needs one."""
    assert heavy(loaded[module], LIBRARIES_OF_STORES) == set()


def test_main_is_light(loaded: dict[str, list[str]]) -> None:
    """Every role begins with it, so it imports what a role needs when it knows the role; the driver alone is light."""
    assert heavy(loaded["functions.main"], HEAVY - {"pg8000"}) == set()


def test_main_imports_one_operation_for_a_function() -> None:
    """Resolving a target imports that row's operation and its service's store, and no other service."""
    code = """
import sys
from unittest.mock import patch
from functions import main
from shared.registry import load
with patch.object(main, "resources"):
    main.bind(load().rows["get_order"])
print(*sorted(name for name in sys.modules if name.startswith("functions.")))
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    found = set(ended.stdout.split())
    assert "functions.order.get_order" in found
    operations = {name for name in found if name in OPERATIONS}
    assert operations == {"functions.order.get_order"}
    assert {name.split(".")[1] for name in found} == {"main", "order"}
