"""The signing key of access tokens, for tests that sign what production would not."""

from datetime import UTC, datetime

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.auth.keys import PRIVATE, Jwk, PrivateSet, decoded, key_ring
from shared.config import Settings


def published(settings: Settings) -> list[Jwk]:
    """The public keys published now."""
    return key_ring(settings).published(datetime.now(UTC))


def signing_kid(settings: Settings) -> str:
    """The id of the current signing key."""
    return key_ring(settings).signing(datetime.now(UTC))[0]


def signing_key(settings: Settings) -> rsa.RSAPrivateKey:
    """The current signing key."""
    pems = {key.kid: key.pem for key in decoded(settings.secret(PRIVATE), PrivateSet).keys}
    loaded = serialization.load_pem_private_key(pems[signing_kid(settings)].encode(), None)
    assert isinstance(loaded, rsa.RSAPrivateKey)
    return loaded
