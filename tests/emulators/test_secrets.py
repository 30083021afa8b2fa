"""The stack's secrets: generated once, and readable by their owner only."""

from datetime import UTC, datetime
from pathlib import Path

from emulators.stack import secrets
from shared.auth.keys import PUBLIC, PublicSet, decoded


def test_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    """The folder has mode 0700, the files 0600."""
    folder = tmp_path / "secrets"
    secrets.ensure(folder, ["wallet"])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_secrets_stay(tmp_path: Path) -> None:
    """A second start keeps the secrets of the first, and adds those of a new service."""
    secrets.ensure(tmp_path, ["wallet"])
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    secrets.ensure(tmp_path, ["wallet", "order"])
    after = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert before.items() <= after.items()
    assert after.keys() - before.keys() == {"order.password", "order_owner.password"}


def test_cells_have_keys_of_their_own(tmp_path: Path) -> None:
    """Each region signs tokens with its own key, at once; each cell sends with one of its own in each region."""
    regions, cells = ["us-central1", "europe-west1"], ["us", "eu"]
    secrets.ensure(tmp_path, [], regions, cells)
    keys = decoded((tmp_path / PUBLIC).read_bytes(), PublicSet).keys
    assert [key.region for key in keys] == regions
    assert all(key.not_before <= datetime.now(UTC).timestamp() and key.not_after is None for key in keys)
    names = [f"{key}_{cell}_{region}_key" for key in ("treasury", "relayer") for cell in cells for region in regions]
    assert len({secrets.read(tmp_path, name) for name in names}) == 8


def test_there_is_a_key_that_signs(tmp_path: Path) -> None:
    """Tokens can be signed at once; a second start keeps the key."""
    secrets.ensure(tmp_path, [])
    [key] = decoded((tmp_path / PUBLIC).read_bytes(), PublicSet).keys
    secrets.ensure(tmp_path, [])
    assert decoded((tmp_path / PUBLIC).read_bytes(), PublicSet).keys == [key]
    assert key.not_before == 0


def test_the_voucher_key_is_a_private_key_of_secp256k1(tmp_path: Path) -> None:
    """The voucher key is in 1..n-1 (SEC 2, section 2.4.1)."""
    secrets.ensure(tmp_path, [])
    key = secrets.read(tmp_path, "voucher_key")
    assert len(key) == 64
    assert 0 < int(key, 16) < secrets.ORDER_OF_SECP256K1
