"""The refusals of the identity service. Each docstring is the default `detail` of the HTTP problem.

    Unauthenticated
    `- SignInRefused             401, each below with a code of its own
       |- DomainMismatch, SchemeMismatch, UriMismatch, ChainNotAllowed      not for this site
       |- MessageTooOld, MessageFromFuture, MessageExpired, MessageNotYetValid      not for this time
       |- NonceUnknown, NonceExpired, NonceUsed      not with this nonce
       |- SignatureInvalid       not by this address
       `- AddressOfOtherChain    verified by a contract, but claimed on another chain
    Refusal
    `- AddressTaken              409  ADDRESS_TAKEN
    Unavailable
    `- ChainUnavailable          503  CHAIN_UNAVAILABLE: a contract wallet could not be called
    Malformed
    `- InvalidGrant              400  INVALID_GRANT
       `- TokenReused            400  INVALID_GRANT: a reused token, which ends the session

Status codes are the runtime's: shared/runtime/problems.py.
"""

from shared.errors import Malformed, Refusal, Unauthenticated, Unavailable


class SignInRefused(Unauthenticated):
    """The sign-in was refused."""


class DomainMismatch(SignInRefused):
    """The message is for another domain."""

    code = "DOMAIN_MISMATCH"


class SchemeMismatch(SignInRefused):
    """The message is for another scheme."""

    code = "SCHEME_MISMATCH"


class UriMismatch(SignInRefused):
    """The message is about another URI."""

    code = "URI_MISMATCH"


class ChainNotAllowed(SignInRefused):
    """The message is for a chain that is not allowed here."""

    code = "CHAIN_NOT_ALLOWED"


class MessageTooOld(SignInRefused):
    """The message was issued more than 5 minutes ago."""

    code = "MESSAGE_TOO_OLD"


class MessageFromFuture(SignInRefused):
    """The message claims to be issued more than 30 seconds from now."""

    code = "MESSAGE_FROM_FUTURE"


class MessageExpired(SignInRefused):
    """The message has expired."""

    code = "MESSAGE_EXPIRED"


class MessageNotYetValid(SignInRefused):
    """The message is not valid yet."""

    code = "MESSAGE_NOT_YET_VALID"


class NonceUnknown(SignInRefused):
    """The nonce was not issued here for this address and chain."""

    code = "NONCE_UNKNOWN"


class NonceExpired(SignInRefused):
    """The nonce was issued more than 5 minutes ago."""

    code = "NONCE_EXPIRED"


class NonceUsed(SignInRefused):
    """The nonce was used before."""

    code = "NONCE_USED"


class SignatureInvalid(SignInRefused):
    """The signature is not that of the address over the message."""

    code = "SIGNATURE_INVALID"


class AddressOfOtherChain(SignInRefused):
    """The address is that of a contract on another chain, of which this one knows nothing."""

    code = "ADDRESS_OF_OTHER_CHAIN"


class AddressTaken(Refusal):
    """The address belongs to another user."""

    code = "ADDRESS_TAKEN"


class ChainUnavailable(Unavailable):
    """The chain on which the address may be a contract does not answer."""

    code = "CHAIN_UNAVAILABLE"


class InvalidGrant(Malformed):
    """The refresh token is unknown, expired, revoked or was used before: sign in again."""

    code = "INVALID_GRANT"

    def __init__(self) -> None:
        super().__init__(field="refresh_token")


class TokenReused(InvalidGrant):
    """The refresh token was used before, so the session has ended: sign in again."""
