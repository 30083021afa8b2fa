"""Access tokens signed by Cloud KMS: like those of a key in a file, never damaged, and through key rotation."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from functions import main
from shared.auth.keys import PRIVATE, KeyRing, key_ring
from shared.auth.rotation import LEAD, SLACK, rotate
from shared.auth.tokens import LIFE, issue
from shared.config import Settings, read
from shared.errors import Unavailable
from shared.runtime.tokens import verify
from tests.kms import FakeKms, reached, serving

NOW = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)
KEY = "projects/p/locations/global/keyRings/r/cryptoKeys/tokens/cryptoKeyVersions/"
OTHER = "projects/p/locations/global/keyRings/r/cryptoKeys/voucher/cryptoKeyVersions/1"

Process = Callable[[], Settings]


def generated(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@pytest.fixture(scope="module")
def keys() -> dict[str, bytes | rsa.RSAPrivateKey]:
    """Two versions of the key of tokens, one that is too long, and another key on another curve."""
    return {KEY + "1": generated(), KEY + "2": generated(), KEY + "3": generated(3072), OTHER: b"\x2a" * 32}


@pytest.fixture
def fake(keys: dict[str, bytes | rsa.RSAPrivateKey]) -> Iterator[FakeKms]:
    """KMS, as every process finds it."""
    server = FakeKms(keys)
    with serving(server) as port, reached(port):
        yield server


@pytest.fixture
def process(tmp_path: Path, fake: FakeKms) -> Process:
    """Makes the settings of one more process; each reads the keys for itself. The first version signs."""
    rotate(tmp_path, NOW, version=KEY + "1")
    environment = {
        "MERIDIAN_ENVIRONMENT": "staging",
        "MERIDIAN_REGION": "us-central1",
        "GOOGLE_CLOUD_PROJECT": "test",
        "PUBLIC_URL": "https://shop.example",
        "SECRETS_DIR": str(tmp_path),
    }
    return lambda: read(environment)


def token(settings: Settings, now: datetime) -> str:
    return issue(settings, "usr_us_1", "ses_us_1", ["order:read"], now)


def kid_of(text: str) -> str:
    return str(jwt.get_unverified_header(text)["kid"])


def test_a_token_is_like_one_of_a_file(process: Process, tmp_path: Path, fake: FakeKms) -> None:
    """It verifies against the published keys; its kid names key and version; no private key is stored."""
    settings = process()
    text = token(settings, NOW)
    assert verify(process(), text, NOW).user_id == "usr_us_1"
    assert kid_of(text) == "tokens.1"
    assert [key.kid for key in key_ring(settings).published(NOW)] == ["tokens.1"]
    assert "PRIVATE" not in (tmp_path / PRIVATE).read_text()
    assert fake.calls == ["GetPublicKey", "AsymmetricSign"]


def test_keys_change_without_a_refusal(process: Process, tmp_path: Path) -> None:
    """The next version is published before it signs, and the last is accepted until its last token has died."""
    settings = process()
    before = token(settings, NOW)
    assert rotate(tmp_path, NOW, version=KEY + "2") == "tokens.2"
    assert [key.kid for key in KeyRing(process()).published(NOW)] == ["tokens.1", "tokens.2"]
    assert verify(process(), before, NOW).user_id
    last, first = (token(process(), NOW + LEAD + each) for each in (timedelta(seconds=-1), timedelta()))
    assert (kid_of(last), kid_of(first)) == ("tokens.1", "tokens.2")
    for text in (last, first):
        assert verify(process(), text, NOW + LEAD + LIFE - timedelta(seconds=2)).user_id
    assert [key.kid for key in KeyRing(process()).published(NOW + LEAD + LIFE + SLACK)] == ["tokens.2"]


def test_files_and_kms_follow_each_other(process: Process, tmp_path: Path) -> None:
    """From one to the other, and back, as of any key to the next."""
    assert rotate(tmp_path, NOW) != "tokens.1"
    later = NOW + LEAD
    assert kid_of(token(process(), later)) != "tokens.1"
    rotate(tmp_path, later, version=KEY + "2")
    assert kid_of(token(process(), later + LEAD)) == "tokens.2"


@pytest.mark.parametrize("corrupt", ["name", "signature", "digest"])
def test_what_is_damaged_on_its_way_is_no_token(process: Process, fake: FakeKms, corrupt: str) -> None:
    """No token is issued rather than one that nobody accepts."""
    settings = process()
    fake.corrupt = corrupt
    with pytest.raises(Unavailable):
        token(settings, NOW)
    fake.corrupt = ""
    assert verify(settings, token(settings, NOW), NOW).user_id


def test_kms_may_be_away(process: Process, fake: FakeKms) -> None:
    """Then nobody can sign in; signed-in users are unaffected."""
    settings = process()
    text = token(settings, NOW)
    fake.down = True
    with pytest.raises(Unavailable):
        token(settings, NOW)
    assert verify(process(), text, NOW).user_id


@pytest.mark.parametrize("corrupt", ["name", "pem"])
def test_a_damaged_public_key_is_not_published(process: Process, tmp_path: Path, fake: FakeKms, corrupt: str) -> None:
    """A rotation that cannot be sure of what it publishes changes nothing."""
    settings = process()
    fake.corrupt = corrupt
    with pytest.raises(Unavailable):
        rotate(tmp_path, NOW, version=KEY + "2")
    assert [key.kid for key in KeyRing(settings).published(NOW)] == ["tokens.1"]


def test_what_cannot_sign_tokens_is_not_published(process: Process, tmp_path: Path) -> None:
    """A key of another kind or length, a version that is not there, or one that is published already."""
    settings = process()
    refused: list[tuple[str, type[Exception]]] = [
        (OTHER, TypeError),
        (KEY + "3", TypeError),
        (KEY + "9", Unavailable),
        (KEY + "1", ValueError),
    ]
    for version, error in refused:
        with pytest.raises(error):
            rotate(tmp_path, NOW, version=version)
    assert [key.kid for key in KeyRing(settings).published(NOW)] == ["tokens.1"]


def test_a_key_for_other_signatures_is_not_published(process: Process, tmp_path: Path, fake: FakeKms) -> None:
    """An RSA key of the right length, whose signatures are PSS: nobody would accept a token of it."""
    process()
    fake.algorithm = "RSA_SIGN_PSS_2048_SHA256"
    with pytest.raises(TypeError, match="PSS"):
        rotate(tmp_path, NOW, version=KEY + "2")


def test_an_operator_names_the_version(tmp_path: Path, fake: FakeKms, capsys: pytest.CaptureFixture[str]) -> None:
    """`rotate-keys DIR --kms-version NAME` adds it, and prints its kid."""
    assert main.main(["rotate-keys", str(tmp_path), "--kms-version", KEY + "2"]) == 0
    assert capsys.readouterr().out == "tokens.2\n"
    assert fake.calls == ["GetPublicKey"]
