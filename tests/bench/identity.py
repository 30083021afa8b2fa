"""How fast signatures and tokens are verified."""

import json
import secrets
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from functions.identity.adapters.signatures import EthereumSignatures
from functions.identity.domain.siwe import Message, parse, render
from shared.auth.keys import key_ring
from shared.auth.rotation import rotate
from shared.auth.tokens import issue
from shared.chain import ethereum
from shared.config import Settings, read
from shared.runtime.tokens import Verifier
from tests.bench.comparison import Comparison, calls, compared, program

ROOT = Path(__file__).parent.parent.parent
OTHERS = ROOT / ".venv-bench" / "bin" / "python"
SITE = "https://shop.example"


def sign_in_verification() -> Comparison:
    """Parsing an EIP-4361 message and recovering its signer, beside siwe-py."""
    key, now = secrets.token_bytes(32), datetime.now(UTC).replace(microsecond=0)
    text = render(
        Message(
            domain="shop.example",
            address=ethereum.address_of(key),
            statement="Sign in to Meridian.",
            uri=SITE,
            chain_id=1,
            nonce=secrets.token_hex(24),
            issued_at=now,
            expiration_time=now + timedelta(minutes=5),
        )
    )
    signature = ethereum.sign(ethereum.personal_digest(text.encode()), key)
    signatures = EthereumSignatures(lambda _: None, lambda _: None)

    def verify() -> None:
        message = parse(text, signatures.checksum)
        signatures.verify(message.address, message.chain_id, text.encode("ascii"), signature)

    given = json.dumps({"message": text, "signature": "0x" + signature.hex()})
    with program([OTHERS, "-W", "ignore", ROOT / "tests" / "bench" / "siwe_py.py"], given) as theirs:
        return compared("sign_in_verification", calls(verify), "siwe-py", theirs)


def token_verification() -> Comparison:
    """Verifying an access token that the process has cached, beside one that it has not."""
    with tempfile.TemporaryDirectory() as folder:
        settings, now = _settings(folder), datetime.now(UTC)
        rotate(Path(folder), now)
        token = issue(settings, "usr_us_1", "ses_us_1", ["order:read", "order:write"], now)
        knowing, forgetful = (Verifier(settings, key_ring(settings), remembered) for remembered in (100, 0))
        return compared(
            "token_verification",
            calls(lambda: knowing.verify(token, now)),
            "uncached",
            calls(lambda: forgetful.verify(token, now)),
        )


def _settings(secrets_folder: str) -> Settings:
    return read(
        {
            "MERIDIAN_ENVIRONMENT": "local",
            "MERIDIAN_REGION": "us-central1",
            "GOOGLE_CLOUD_PROJECT": "bench",
            "PUBLIC_URL": SITE,
            "SECRETS_DIR": secrets_folder,
        }
    )
