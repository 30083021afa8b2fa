"""The environment of every process is one that it starts with: the code itself reads and checks it."""

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from msgspec.structs import replace

from shared import requirements
from shared.config import SECRET_BYTES, Settings, read
from shared.registry import Row
from shared.variables import ConfigurationError
from tests.infrastructure.policies import policy
from tests.infrastructure.policies.capacity import SQL, primaries
from tests.infrastructure.policies.processes import EXAMPLE
from tests.infrastructure.world import FROM_SECRETS, UNMATCHED, Process, World

OF_LIBRARIES: Final = frozenset({"GRPC_ENABLE_FORK_SUPPORT"})
"""What is not Meridian's: read by gRPC."""

SECRETS: Final = "/secrets"

SENDING: Final = ("treasury", "relayer")
"""The keys that send transactions, and so have nonces."""


class Recorded(dict[str, str]):
    """An environment that notes which variables are read."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__(given)
        self.names: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        """Like dict's."""
        self.names.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> str:
        self.names.add(key)
        return super().__getitem__(key)


def rows_of(world: World, process: Process) -> list[Row]:
    """The operations that a process runs, as functions/main.py chooses them."""
    registry = world.registry
    if process.role == "function":
        return [] if process.of == UNMATCHED else [registry.rows[process.of]]
    if process.role == "rpc":
        return registry.hosted_rpcs(process.of)
    consumed = [row for row in registry.of(process.of) if row.event] if process.role in ("relay", "consumer") else []
    return consumed + [row for row in registry.of(process.of) if row.worker == process.role]


def problems(world: World, process: Process, folder: Path) -> Iterator[str]:
    """Why a process would not start."""
    environment = Recorded(process.environment)
    try:
        settings = read(environment)
        if process.kind != "job" or process.role == "promote":
            _require(world, process, replace(settings, secrets_dir=folder))
    except ConfigurationError as error:
        yield f"{process.address}: {error}"
        return  # what comes after is not read
    unread = set(environment) - environment.names - OF_LIBRARIES
    if unread:
        yield f"{process.address}: nothing reads {', '.join(sorted(unread))}"
    wanted = {
        "MERIDIAN_REGION": process.region,
        "MERIDIAN_CELL": process.cell,
        "MERIDIAN_ENVIRONMENT": world.environment,
        "SECRETS_DIR": SECRETS,
    }
    for name, value in wanted.items():
        if environment.get(name) != value:
            yield f"{process.address}: {name} is {environment.get(name)}"


def _require(world: World, process: Process, settings: Settings) -> None:
    """Check what the role needs, with a value for each secret that is mounted. Raises ConfigurationError."""
    for former in settings.secrets_dir.iterdir():
        former.unlink()
    for path in process.mounted:
        name = path.removeprefix(f"{SECRETS}/").removesuffix("/value")
        value = name.encode().hex().encode() * SECRET_BYTES
        (settings.secrets_dir / name).write_bytes(value[: 2 * SECRET_BYTES])
    if process.role in ("keeper", "promote"):
        requirements.check_keeper(settings)
        return
    rows = rows_of(world, process)
    service = rows[0].service if process.role == "function" and rows else process.of
    role: Any = process.role
    requirements.check(settings, role, rows, "platform" if service == UNMATCHED else service)


@policy
def every_process_starts_with_its_environment(world: World) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, _registry_of(world):
        yield from [found for process in world.processes() for found in problems(world, process, Path(folder))]


@contextmanager
def _registry_of(world: World) -> Iterator[None]:
    """The world's registry in place of the checkout's, for the code that reads an environment."""
    with ExitStack() as patched:
        for name in ("shared.registry.load", "shared.requirements.load"):
            patched.enter_context(patch(name, lambda: world.registry))
        yield


def _change(world: World, of: tuple[str, str], name: str, value: str | None) -> None:
    container = world.process(*of).template["containers"][0]
    container["env"] = [each for each in container["env"] if each["name"] != name]
    if value is not None:
        container["env"].append({"name": name, "value": value})


@every_process_starts_with_its_environment.broken_by
def a_variable_that_nothing_reads(world: World) -> None:
    _change(world, EXAMPLE, "DATABASE_POOLS", "3")


@every_process_starts_with_its_environment.broken_by
def a_value_out_of_bounds(world: World) -> None:
    _change(world, EXAMPLE, "DATABASE_POOL", "0")


@every_process_starts_with_its_environment.broken_by
def an_event_row_that_trusts_nobody(world: World) -> None:
    _change(world, ("function", "capture_hold"), "INTERNAL_ACCOUNTS", None)


@every_process_starts_with_its_environment.broken_by
def an_rpc_host_without_callers(world: World) -> None:
    _change(world, ("rpc", "wallet"), "RPC_CALLERS", None)


@every_process_starts_with_its_environment.broken_by
def a_secret_that_is_not_mounted(world: World) -> None:
    world.process("function", "issue_nonce").template["containers"][0]["volume_mounts"] = []


@policy
def secrets_are_mounted_where_they_are_needed(world: World) -> Iterator[str]:
    """Each in a folder of its own, as Cloud Run wants it; of the environment only nodes' URLs; none without a need."""
    for process in world.processes():
        for each in process.container.get("env") or ():
            if each.get("value_source") and each["name"] not in FROM_SECRETS:
                yield f"{process.address}: the secret {each['name']} is in the environment"
        for path in process.mounted:
            if not path.startswith(f"{SECRETS}/") or not path.endswith("/value"):
                yield f"{process.address}: a secret at {path}"
        folders = [mount["mount_path"] for mount in process.container.get("volume_mounts") or ()]
        if len(set(folders)) < len(folders):
            yield f"{process.address}: two secrets in one folder"
        if process.kind != "job":
            needed = {name for row in rows_of(world, process) for name in row.secrets}
            held = {path.removeprefix(f"{SECRETS}/").removesuffix("/value") for path in process.mounted}
            surplus = {name for name in held - needed if name.endswith(("_key", "_private_keys.json"))}
            if surplus:
                yield f"{process.address}: {', '.join(sorted(surplus))} without a need"


@secrets_are_mounted_where_they_are_needed.broken_by
def a_secret_in_the_environment(world: World) -> None:
    secret = [{"secret_key_ref": [{"secret": "quote_key", "version": "latest"}]}]
    world.process(*EXAMPLE).template["containers"][0]["env"].append({"name": "K", "value": "", "value_source": secret})


@secrets_are_mounted_where_they_are_needed.broken_by
def a_key_for_a_reader(world: World) -> None:
    template = world.process("function", "get_order").template
    holder = world.process("function", "issue_nonce").template
    template["volumes"] = [*(template.get("volumes") or ()), *holder["volumes"]]
    container = template["containers"][0]
    mounts = holder["containers"][0]["volume_mounts"]
    container["volume_mounts"] = [*(container.get("volume_mounts") or ()), *mounts]


@policy
def a_cell_sends_with_keys_of_its_own(world: World) -> Iterator[str]:
    """In each region that serves it, or may after a promotion: one database has the order of a key's nonces."""
    keys = {key.name for key in world.of("google_kms_crypto_key")}
    servers = {server.name: server.values["region"] for server in primaries(world)}
    followers = [each for each in world.of(SQL) if each.values.get("master_instance_name")]
    for cell, region in world.registry.cells.items():
        standbys = [
            each.values["region"]
            for each in followers
            if servers.get(each.values["master_instance_name"]) == region and each.values["region"] != region
        ]
        for place in (region, *standbys):
            for signer in SENDING:
                if f"{signer}-{cell}-{place}" not in keys:
                    yield f"the cell {cell} cannot send with {signer} in {place}"
    for process in world.processes():
        own = f"{process.environment.get('MERIDIAN_CELL')}-{process.region}"
        for signer, version in re.findall(r"(\w+)=[^,]*/cryptoKeys/([^/,]+)/", process.environment.get("KMS_KEYS", "")):
            if signer in SENDING and version != f"{signer}-{own}":
                yield f"{process.address}: it sends with {version}"


@a_cell_sends_with_keys_of_its_own.broken_by
def a_cell_without_a_treasury(world: World) -> None:
    key = next(key for key in world.of("google_kms_crypto_key") if key.name.startswith(SENDING[0]))
    world.resources.remove(key)


@a_cell_sends_with_keys_of_its_own.broken_by
def another_cells_treasury(world: World) -> None:
    given = world.process("poller", "wallet").environment
    others = given["KMS_KEYS"].replace(f"-{given['MERIDIAN_CELL']}-", "-other-")
    _change(world, ("poller", "wallet"), "KMS_KEYS", others)
