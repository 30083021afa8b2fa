"""A cold start loads only what its function uses: heavy libraries are imported on first use."""

import json
import subprocess
import sys

import pytest

from tests.architecture.codebase import FUNCTIONS, ROOT, ROWS, modules, name_of

HEAVY = {
    *("google.cloud", "google.api_core", "google.auth", "grpc", "redis", "pg8000", "jwt", "cryptography", "wallycore"),
    *("flask", "werkzeug", "functions_framework", "granian", "eth_account", "opentelemetry", "requests", "httpx"),
    *("yoyo", "emulators", "tests", "pytest"),
}

LIBRARIES_OF_ADAPTERS = {"google.cloud", "google.api_core", "google.auth", "grpc", "redis", "eth_account", "requests"}
"""What an adapter may not import before it is used: Google's clients, gRPC, Redis."""

ONE_BY_ONE = """
import json, sys
from importlib import import_module

loaded = set(sys.modules)
for module in sys.argv[1:]:
    import_module(module)
    print(json.dumps([module, sorted(set(sys.modules) - loaded)]))
    loaded = set(sys.modules)
"""
"""Imports modules one after the other in a fresh process, and prints what each has loaded."""

OPERATIONS = [f"functions.{row.service}.{row.name}" for row in ROWS]
DOMAINS = [name_of(path) for path in modules("functions") if "domain" in path.parts]
ADAPTERS = [name_of(path) for path in modules("functions") if path.relative_to(FUNCTIONS).parts[1:2] == ("adapters",)]


def brought(*names: str) -> dict[str, list[str]]:
    """What each of these modules loads in addition to those before it."""
    arguments = [sys.executable, "-c", ONE_BY_ONE, *names]
    ended = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return dict(json.loads(line) for line in ended.stdout.splitlines())


@pytest.fixture(scope="module")
def loaded() -> dict[str, list[str]]:
    """What main loads, then each operation and domain, then each adapter."""
    return brought("functions.main", *sorted({*OPERATIONS, *DOMAINS}), *ADAPTERS)


def heavy(found: list[str], libraries: set[str]) -> set[str]:
    """The libraries among the loaded modules. An empty namespace package such as google.cloud costs nothing."""
    return {
        each
        for each in libraries
        if any(name.startswith(f"{each}.") or name == each != "google.cloud" for name in found)
    }


def test_operations_and_domains_are_light(loaded: dict[str, list[str]]) -> None:
    """They import no web framework, driver, gRPC or client library, directly or indirectly."""
    found = {module: heavy(loaded[module], HEAVY) for module in (*OPERATIONS, *DOMAINS)}
    assert found == {module: set() for module in found}


def test_adapters_load_clients_when_they_are_used(loaded: dict[str, list[str]]) -> None:
    """A function without calls loads no gRPC, and none loads Google's clients before it needs one."""
    found = {module: heavy(loaded[module], LIBRARIES_OF_ADAPTERS) for module in ADAPTERS}
    assert found == {module: set() for module in found}


def test_main_is_light(loaded: dict[str, list[str]]) -> None:
    """Every role starts with it, so it imports a role's libraries once the role is known; only the driver is light."""
    assert heavy(loaded["functions.main"], HEAVY - {"pg8000"}) == set()


def test_main_imports_one_operation_for_a_function() -> None:
    """Resolving a target imports that row's operation and its service's work, and no other service."""
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


BOUND = """
import sys
from unittest.mock import patch
from functions import main
from shared.registry import load
with patch.object(main, "resources"):
    main.bind(load().rows[sys.argv[1]])
import shared.rpc.channel, shared.runtime.event, shared.runtime.http
from shared.redis.library import redis_library
assert redis_library().Redis
print(*sorted(sys.modules))
"""
"""Binds a function, imports what serves its requests and calls others, and prints what is loaded then."""

NOT_NEEDED = {
    "yaml",  # the registry is read in its compiled form
    "redis.asyncio.client",
    "grpc.aio._channel",
    "cryptography.x509.base",
    "opentelemetry.metrics",
    "grpc_status",  # until a call fails
    "aiosql.adapters.ageneric",
    "wsgiref.simple_server",  # until metrics are read
    "scramp.core",  # until a connection has a password
    "asn1crypto",
    "dateutil.parser._parser",  # until a timestamp is before year 1 or after 9999
    "bcrypt",
    "google.protobuf.text_format",
    "redis.commands.policies",  # but in a cluster
    "shared.runtime.forwarding.fan_out",  # until there is another cell
    "functions.wallet.adapters.custody",
    "google.protobuf.json_format",  # until an event is decoded
    "google.cloud.firestore",  # until a session is not in Redis
    "google.api_core",
    "google.auth",
}


@pytest.mark.parametrize("name", ["create_order", "capture_hold"])
def test_a_function_leaves_out_what_its_first_request_does_not_need(name: str) -> None:
    ended = subprocess.run([sys.executable, "-c", BOUND, name], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    loaded = set(ended.stdout.split())
    assert {"redis.client", "grpc._cython.cygrpc", "jwt.algorithms"} <= loaded
    assert loaded & NOT_NEEDED == set()


DATACLASSES = """
import dataclasses, inspect
ours = [module for name, module in sys.modules.items() if name.startswith(("shared.", "functions."))]
found = {value for module in ours for value in vars(module).values() if inspect.isclass(value)}
print(*sorted(f"{each.__module__}.{each.__name__}" for each in found if dataclasses.is_dataclass(each)))
"""
"""Prints the dataclasses of ours that BOUND has made, each of which takes 0.5 ms."""

SHARED = {"shared.idempotency.Key", "shared.runtime.binding.BoundOperation"}


@pytest.mark.parametrize(("name", "entities"), [("create_order", 1), ("capture_hold", 12)])
def test_a_function_makes_few_dataclasses(name: str, entities: int) -> None:
    """Two of `shared`, and those of its domain's rules: the rest of what a request brings are structs and tuples."""
    code = BOUND + DATACLASSES
    ended = subprocess.run([sys.executable, "-c", code, name], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    found = set(ended.stdout.splitlines()[-1].split())
    assert found >= SHARED
    assert len(found - SHARED) <= entities, found - SHARED


def test_what_is_put_off_loads_when_it_is_used_once_for_all_threads() -> None:
    code = """
import sys
from concurrent.futures import ThreadPoolExecutor
from shared.container import start
from cryptography import x509
import google.cloud.firestore, google.protobuf.descriptor_pool, grpc, msgspec, pg8000, redis, scramp
assert "cryptography.x509.base" not in sys.modules
with ThreadPoolExecutor(8) as pool:
    found = set(pool.map(lambda _: x509.load_der_x509_certificate, range(8)))
assert found == {sys.modules["cryptography.x509"].load_der_x509_certificate}
assert scramp.ScramClient and grpc.aio.insecure_channel and redis.asyncio.Redis and not hasattr(x509, "nothing")
from redis.asyncio.client import Pipeline
assert google.protobuf.descriptor_pool.python_message.GeneratedProtocolMessageType
from google.api_core.gapic_v1 import method, config_async
assert not hasattr(method._observability, "nothing") and config_async.parse_method_configs
assert google.api_core.gapic_v1.method_async.wrap_method
import grpc_status
from grpc_status import rpc_status
assert rpc_status.aio.from_call
assert msgspec.inspect.type_info(int) and msgspec.toml.encode and msgspec.yaml.encode
assert {type(sys.modules[name]) for name in start.LOADED_ON_USE} == {type(sys)}
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_what_is_taken_out_of_modules_that_are_put_off_is_the_real_thing_once_it_is_used() -> None:
    code = """
import sys
from concurrent.futures import ThreadPoolExecutor
from shared.container import start
import aiosql, google.cloud.firestore, grpc, pg8000.converters, prometheus_client, redis, scramp.core
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
unloaded = {name for name in start.TAKEN_ON_USE if type(sys.modules[name]) is not type(sys)}
assert unloaded == start.TAKEN_ON_USE, start.TAKEN_ON_USE - unloaded
with ThreadPoolExecutor(8) as pool:
    assert {each.year for each in pool.map(pg8000.converters.parse, ["5000-01-01"] * 8)} == {5000}
try:
    pg8000.converters.parse("no date")
except pg8000.converters.ParserError:
    from dateutil.parser import ParserError, parse
assert (pg8000.converters.ParserError, pg8000.converters.parse) == (ParserError, parse)
class Mine(redis.RedisCluster): pass
from redis.cluster import RedisCluster
assert Mine.__mro__[1] is RedisCluster is redis.RedisCluster
assert not isinstance(redis.Redis(), redis.Sentinel) and issubclass(redis.sentinel.Sentinel, redis.Sentinel)
assert redis.ChannelType.KEYSPACE and scramp.core.Certificate.load
from asn1crypto.x509 import Certificate
assert scramp.core.Certificate is Certificate
try:
    load_ssh_public_key(b"no-key no-key")
except UnsupportedAlgorithm as error:
    assert "no-key" in str(error)
assert prometheus_client.generate_latest(prometheus_client.REGISTRY).startswith(b"# HELP")
assert prometheus_client.CONTENT_TYPE_LATEST.startswith("text/plain")
assert aiosql.aiosql.SQLite3Adapter().process_sql("", "", "SELECT 1") == "SELECT 1"
from asyncio.streams import StreamReader
import redis._parsers.base as parsers
assert parsers.StreamReader is StreamReader is sys.modules["asyncio"].StreamReader
assert issubclass(parsers.IncompleteReadError, EOFError)
assert google.cloud.firestore_v1.services.firestore.client.FirestoreClient.get_transport_class("rest").__name__
assert issubclass(google.cloud.firestore.AsyncClient, google.cloud.firestore_v1.base_client.BaseClient)
while start._taken:  # what loads may take more
    start._taken[0]._real()
assert not [name for name in start.TAKEN_ON_USE if hasattr(sys.modules[name], "_nothing")]
assert {type(sys.modules[name]) for name in start.TAKEN_ON_USE} == {type(sys)} and not start._taken
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    "first",
    [
        "import asyncio; asyncio.run(asyncio.sleep(0))",
        "import asyncio.events, asyncio; asyncio.run(asyncio.sleep(0)); assert asyncio.events.AbstractEventLoop",
        "from asyncio import base_events, run, sleep; run(sleep(0))",
        "from asyncio.base_events import Server; import asyncio; assert asyncio.Server is Server",
        "import redis.asyncio, anyio; anyio.run(anyio.sleep, 0); redis.asyncio.Redis",
        "import asyncio\ntry: raise OSError\nexcept asyncio.CancelledError: pass\nexcept OSError: pass",
        "import aiohttp, google.cloud.sql.connector",
    ],
)
def test_asyncio_is_put_off_for_whoever_needs_it_later(first: str) -> None:
    code = f"import sys\nfrom shared.container import start\n{first}\nassert type(sys.modules['asyncio']) is type(sys)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_no_garbage_is_looked_for_until_a_function_has_answered() -> None:
    code = """
import gc
from unittest.mock import patch
from functions import main
before = gc.get_threshold()[0]
with patch.object(main, "serve", lambda name: lambda request: (gc.get_threshold()[0], request)):
    assert main.get_order("request") == (before, "request")
assert gc.get_threshold()[0] < before
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_redis_does_not_bring_the_telemetry_that_nobody_uses() -> None:
    """redis-py imports OpenTelemetry's metrics SDK wherever it is installed; afterwards that can still be imported."""
    code = """
import sys
from shared.redis.library import redis_library
assert redis_library().Redis and redis_library().RedisCluster
assert not [name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.metrics"))]
import opentelemetry.metrics, opentelemetry.sdk.metrics
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
