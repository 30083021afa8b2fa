"""Key rotation during operation: no valid token is refused, and no key stays valid longer than needed."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from msgspec.structs import replace

from functions import main
from shared.auth.keys import PRIVATE, PUBLIC, REREAD, KeyRing, PrivateSet, PublicSet, decoded, key_ring
from shared.auth.rotation import LEAD, SLACK, rotate
from shared.auth.tokens import LIFE, issue
from shared.config import Settings, read
from shared.errors import Unauthenticated, Unavailable
from shared.registry import load
from shared.runtime.tokens import Verifier
from tests.shared.test_config import LEAST

NOW = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)

Process = Callable[[], Settings]


@pytest.fixture
def process(tmp_path: Path) -> Process:
    """Makes the settings of one more process; each reads the keys for itself."""
    rotate(tmp_path, NOW)
    return lambda: read(
        {
            "MERIDIAN_ENVIRONMENT": "local",
            "MERIDIAN_REGION": "us-central1",
            "GOOGLE_CLOUD_PROJECT": "test",
            "PUBLIC_URL": "https://shop.example",
            "SECRETS_DIR": str(tmp_path),
        }
    )


def token(settings: Settings, now: datetime) -> str:
    return issue(settings, "usr_us_1", "ses_us_1", ["order:read"], now)


def verifier(settings: Settings) -> Verifier:
    return Verifier(settings, key_ring(settings))


def accepted(by: Verifier, text: str, now: datetime) -> bool:
    try:
        by.verify(text, now)
    except Unauthenticated:
        return False
    return True


def test_a_region_signs_with_its_own_key(tmp_path: Path, process: Process) -> None:
    """Every region publishes all keys before one is used, and signs with its own as soon as that is due."""
    shared = key_ring(process()).signing(NOW)[0]
    kids = {region: rotate(tmp_path, NOW, region=region) for region in ("us-central1", "europe-west1")}
    issuers = {region: replace(process(), region=region) for region in (*kids, "asia-east1")}
    for region, issuer in issuers.items():
        assert key_ring(issuer).signing(NOW)[0] == shared
        assert {key.kid for key in key_ring(issuer).published(NOW)} == {shared, *kids.values()}, region
    due = NOW + LEAD
    assert [key_ring(issuer).signing(due)[0] for issuer in issuers.values()] == [*kids.values(), shared]
    for issuer in issuers.values():
        assert accepted(verifier(process()), token(issuer, due), due)


def test_a_region_rotates_by_itself(tmp_path: Path, process: Process) -> None:
    """Its key gets an end; the others' do not, and keep signing."""
    first = {region: rotate(tmp_path, NOW, region=region) for region in ("us-central1", "europe-west1")}
    later = NOW + LEAD
    second = rotate(tmp_path, later, region="us-central1")
    us, eu = process(), replace(process(), region="europe-west1")
    due = later + LEAD
    assert key_ring(us).signing(due)[0] == second
    assert key_ring(eu).signing(due)[0] == first["europe-west1"]
    over = due + LIFE + SLACK
    kids = {key.kid for key in key_ring(us).published(over)}
    assert first["us-central1"] not in kids
    assert {second, first["europe-west1"]} < kids


def test_no_token_is_refused_through_rotations(process: Process, tmp_path: Path) -> None:
    """Through three rotations, in processes that read the keys at different times, tokens are valid until they expire.

    Nothing is waited for: the clock is the test's, and goes on by seconds.
    """
    issuers = [process() for _ in range(3)]
    verifiers = [verifier(process()) for _ in range(5)]
    alive: list[tuple[datetime, str]] = []
    kids: set[str] = set()
    for second in range(0, 5 * int(LEAD.total_seconds()), 7):
        now = NOW + second * SECOND
        if second % 602 == 0 and second:
            rotate(tmp_path, now)
        # One process of each kind is used at a time, so that the others' sets grow old.
        issuer = issuers[second // 7 % 3]
        alive = [(at, text) for at, text in alive if now < at + LIFE]
        if second % 28 == 0:
            alive.append((now, token(issuer, now)))
            kids.add(key_ring(issuer).signing(now)[0])
        checker = verifiers[second // 7 % 5]
        for at, text in alive:
            assert accepted(checker, text, now), (at, now)
    assert len(kids) == 4


def test_the_next_key_is_published_before_it_signs(process: Process, tmp_path: Path) -> None:
    """A key is known everywhere before it signs a token, including in caches of the published keys."""
    settings = process()
    first = key_ring(settings).signing(NOW)[0]
    following = rotate(tmp_path, NOW)
    ring = KeyRing(settings)
    assert [key.kid for key in ring.published(NOW)] == [first, following]
    assert ring.signing(NOW + LEAD - SECOND)[0] == first
    assert ring.signing(NOW + LEAD)[0] == following
    cached = int(load().rows["read_keys"].cache.split("max-age=")[1])
    assert REREAD + timedelta(seconds=cached) < LEAD


def test_an_old_key_lives_as_long_as_its_tokens(process: Process, tmp_path: Path) -> None:
    """A replaced key is published until its last token has expired, and is then invalid."""
    settings = process()
    old = key_ring(settings).signing(NOW)[0]
    new = rotate(tmp_path, NOW)
    end = NOW + LEAD + LIFE + SLACK
    assert [key.kid for key in KeyRing(settings).published(end - SECOND)] == [old, new]
    assert [key.kid for key in KeyRing(settings).published(end)] == [new]
    assert KeyRing(settings).find(old, end) is None


def test_a_token_of_a_key_that_has_ended_is_refused(process: Process, tmp_path: Path) -> None:
    """A token signed with an expired key is refused, also by a process that has cached tokens of it."""
    thief = process()
    stolen = key_ring(thief)
    stolen.signing(NOW)
    rotate(tmp_path, NOW)
    end = NOW + LEAD + LIFE + SLACK
    stolen.signing = lambda now: KeyRing.signing(stolen, NOW)  # type: ignore[method-assign]
    checker = verifier(process())
    text = token(thief, end - 2 * REREAD)
    assert accepted(checker, text, end - 2 * REREAD)
    assert not accepted(checker, text, end)
    assert not accepted(checker, token(thief, end), end)


def test_private_halves_are_kept_no_longer_than_needed(process: Process, tmp_path: Path) -> None:
    """After a rotation the file holds the key that signs and the next one; they are PKCS 8, and never published."""
    process()
    for number in range(4):
        rotate(tmp_path, NOW + number * 2 * LEAD)
        private = decoded((tmp_path / PRIVATE).read_bytes(), PrivateSet).keys
        public = decoded((tmp_path / PUBLIC).read_bytes(), PublicSet).keys
        assert [key.kid for key in private] == [key.kid for key in public][-2:]
        assert all(load_pem_private_key(key.pem.encode(), None) for key in private)
    assert b"PRIVATE" not in (tmp_path / PUBLIC).read_bytes()
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_an_unknown_kid_reads_no_more_often(process: Process, tmp_path: Path) -> None:
    """Whatever kids arrive, the files are read at most every thirty seconds."""
    settings = process()
    ring = KeyRing(settings)
    ring.published(NOW)
    following = rotate(tmp_path, NOW)
    for moment in (NOW, NOW + REREAD - SECOND):
        assert ring.find(following, moment) is None
        assert ring.find("unknown", moment) is None
    assert ring.find(following, NOW + REREAD)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"keys": []}', b'{"keys": [{"kid": 1}]}', b"\xff", None])
def test_the_last_good_set_is_kept(process: Process, tmp_path: Path, damage: bytes | None) -> None:
    """While a file is missing, truncated or corrupt, a process keeps using what it read last."""
    settings = process()
    checker, text = verifier(settings), token(settings, NOW)
    whole = {name: (tmp_path / name).read_bytes() for name in (PUBLIC, PRIVATE)}
    for name in whole:
        (tmp_path / name).unlink()
        if damage is not None:
            (tmp_path / name).write_bytes(damage)
    later = NOW + 2 * REREAD
    assert accepted(checker, text, later)
    assert accepted(checker, token(settings, later), later)
    with pytest.raises(Unavailable):
        KeyRing(process()).published(later)
    for name, content in whole.items():
        (tmp_path / name).write_bytes(content)
    following = rotate(tmp_path, later)
    assert key_ring(settings).find(following, later + REREAD)


def test_rotations_at_once_all_count(tmp_path: Path) -> None:
    """Rotations at the same time wait for one another: each key that is published can sign."""
    gate = threading.Barrier(4)

    def turn(_: int) -> str:
        gate.wait()
        return rotate(tmp_path, NOW)

    with ThreadPoolExecutor(4) as pool:
        kids = set(pool.map(turn, range(4)))
    assert {key.kid for key in decoded((tmp_path / PUBLIC).read_bytes(), PublicSet).keys} == kids
    assert {key.kid for key in decoded((tmp_path / PRIVATE).read_bytes(), PrivateSet).keys} == kids


def test_a_crash_between_the_files_changes_nothing(process: Process, tmp_path: Path) -> None:
    """The private set is written first: a rotation that ends there leaves a key that nobody uses."""
    settings = process()
    before = (tmp_path / PUBLIC).read_bytes()
    kid = key_ring(settings).signing(NOW)[0]
    rotate(tmp_path, NOW)
    (tmp_path / PUBLIC).write_bytes(before)
    ring = KeyRing(settings)
    assert ring.signing(NOW + LEAD)[0] == kid
    following = rotate(tmp_path, NOW)
    assert KeyRing(settings).signing(NOW + LEAD)[0] == following


def test_a_private_set_that_lags_behind_signs_on(process: Process, tmp_path: Path) -> None:
    """Where the new version of the private set has not arrived yet, the key before it signs."""
    settings = process()
    before = (tmp_path / PRIVATE).read_bytes()
    kid = key_ring(settings).signing(NOW)[0]
    rotate(tmp_path, NOW)
    (tmp_path / PRIVATE).write_bytes(before)
    assert KeyRing(settings).signing(NOW + LEAD)[0] == kid


def test_a_rotation_is_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m functions.main rotate-keys DIR` adds a key and prints its kid."""
    assert main.main(["rotate-keys", str(tmp_path)]) == 0
    assert main.main(["rotate-keys", str(tmp_path)]) == 0
    public = decoded((tmp_path / PUBLIC).read_bytes(), PublicSet).keys
    assert capsys.readouterr().out.split() == [key.kid for key in public]


def test_keys_rotate_where_they_are_mounted(tmp_path: Path) -> None:
    """In directories with a file `value`, a rotation replaces what is read."""
    for name in (PUBLIC, PRIVATE):
        (tmp_path / name).mkdir()
    first = rotate(tmp_path, NOW)
    second = rotate(tmp_path, NOW)
    ring = KeyRing(read({**LEAST, "SECRETS_DIR": str(tmp_path)}))
    assert ring.signing(NOW)[0] == first
    assert [key.kid for key in ring.published(NOW)] == [first, second]
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["value", "value"]
