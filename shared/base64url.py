"""Base64url without padding (RFC 7515, section 2), as JWTs and JWKs use it."""

import base64


def base64url(data: bytes) -> str:
    """The text of some bytes."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
