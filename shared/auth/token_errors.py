"""What may be wrong with a request's access token: one code, each with a sentence of its own."""

from shared.errors import Unauthenticated


class TokenMissing(Unauthenticated):
    """There is no access token: send `Authorization: Bearer <access_token>`."""


class NotBearer(Unauthenticated):
    """The Authorization header is not the word `Bearer`, a space and an access token."""

    challenge = "invalid_token"


class TokenMalformed(Unauthenticated):
    """The access token was not issued here: it is cut off, altered, or of another service."""

    challenge = "invalid_token"


class TokenExpired(Unauthenticated):
    """The access token has expired: refresh the session."""

    challenge = "invalid_token"
