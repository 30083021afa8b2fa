"""The stack's secrets: one file each, generated when absent, readable by their owner only.

They replace Secret Manager: a process reads them as files under SECRETS_DIR, as Cloud Run mounts them.
"""

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from shared.auth import keys, rotation
from shared.chain.ethereum import address_of
from shared.postgres.roles import KEEPER

ORDER_OF_SECP256K1: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""n of SEC 2, section 2.4.1: a private key is in 1..n-1."""

CONTROL_TOKEN: Final = "control_token"  # noqa: S105 - the name of a file
"""What the console shows to the control endpoint (emulators/control)."""

RANDOM: Final = (
    *("nonce_key", "refresh_key", "quote_key", "push_token", "webhook_key"),
    *("supervisor.password", "postgres.password", CONTROL_TOKEN),
)
"""The secrets that are 32 random bytes in hexadecimal."""

PEOPLE: Final = {name: f"{name}_key" for name in ("merchant", "buyer", "operator")}
"""The private keys of people for whoever tries the stack out; only the function create_local_token reads them."""


SENDING: Final = ("treasury", "relayer")
"""The keys that send transactions: see Settings.sending_key."""


def ensure(folder: Path, services: Sequence[str], regions: Sequence[str] = (), cells: Sequence[str] = ()) -> None:
    """Generate the missing secrets of the stack.

    folder: where they are; created with mode 0700.
    services: the services with a database, each of which gets a password for its owner role and for its own.
    regions: those that sign access tokens with keys of their own; without any, all processes share one.
    cells: those that send transactions with keys of their own, one for each region that may serve them.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    passwords = [f"{role}.password" for service in services for role in (service, f"{service}_owner")]
    for name in (*RANDOM, f"{KEEPER}.password", *passwords):
        _ensure(folder / name, lambda: secrets.token_hex(32))
    sending = [name for key in SENDING for name in sending_keys(key, cells, regions)]
    for name in ("voucher_key", "treasury_key", "relayer_key", *sending, *PEOPLE.values()):
        _ensure(folder / name, _secp256k1_private_key)
    if not (folder / keys.PUBLIC).exists():
        for region in regions or [""]:  # nobody reads them yet, so they need no time to become known
            rotation.rotate(folder, datetime.now(UTC), timedelta(), region=region)


def sending_keys(key: str, cells: Sequence[str], regions: Sequence[str]) -> list[str]:
    """The secrets of a key that sends transactions: one for each cell and region; the only one if there are none."""
    return [f"{key}_{cell}_{region}_key" for cell in cells for region in regions] or [f"{key}_key"]


def read(folder: Path, name: str) -> str:
    """A secret's value. Raises FileNotFoundError."""
    return (folder / name).read_text(encoding="ascii").strip()


def address(folder: Path, person: str) -> str:
    """The address of one of the PEOPLE, in its EIP-55 form. Raises FileNotFoundError."""
    return address_of(bytes.fromhex(read(folder, PEOPLE[person])))


def _ensure(path: Path, make: Callable[[], str]) -> None:
    if not path.exists():
        rotation.write(path, make())


def _secp256k1_private_key() -> str:
    return f"{1 + secrets.randbelow(ORDER_OF_SECP256K1 - 1):064x}"
