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

    cure = "Ask for a new nonce, and sign its message."


class DomainMismatch(SignInRefused):
    """The message is for another domain."""

    code = "DOMAIN_MISMATCH"
    cure = "Sign a message for this site's domain, such as the one that comes with a nonce."


class SchemeMismatch(SignInRefused):
    """The message is for another scheme."""

    code = "SCHEME_MISMATCH"
    cure = "Sign a message with this site's scheme, or without one."


class UriMismatch(SignInRefused):
    """The message is about another URI."""

    code = "URI_MISMATCH"
    cure = "Sign a message about this site's URL."


class ChainNotAllowed(SignInRefused):
    """The message is for a chain that is not allowed here."""

    code = "CHAIN_NOT_ALLOWED"
    cure = "Sign for a chain that is served here."


class MessageTooOld(SignInRefused):
    """The message was issued more than 5 minutes ago."""

    code = "MESSAGE_TOO_OLD"
    cure = "Ask for a new nonce, and sign its message within 5 minutes."


class MessageFromFuture(SignInRefused):
    """The message claims to be issued more than 30 seconds from now."""

    code = "MESSAGE_FROM_FUTURE"
    cure = "Set the clock, and sign anew."


class MessageExpired(SignInRefused):
    """The message has expired."""

    code = "MESSAGE_EXPIRED"
    cure = "Ask for a new nonce, and sign its message."


class MessageNotYetValid(SignInRefused):
    """The message is not valid yet."""

    code = "MESSAGE_NOT_YET_VALID"
    cure = "Wait until it is valid, or sign one without `Not Before`."


class NonceUnknown(SignInRefused):
    """The nonce was not issued here for this address and chain."""

    code = "NONCE_UNKNOWN"
    cure = "Ask for a nonce for this address and chain, and sign its message."


class NonceExpired(SignInRefused):
    """The nonce was issued more than 5 minutes ago."""

    code = "NONCE_EXPIRED"
    cure = "Ask for a new nonce, and sign its message within 5 minutes."


class NonceUsed(SignInRefused):
    """The nonce was used before."""

    code = "NONCE_USED"
    cure = "Ask for a new nonce for each sign-in."


class SignatureInvalid(SignInRefused):
    """The signature is not that of the address over the message."""

    code = "SIGNATURE_INVALID"
    cure = "Sign the message as it is with the key of its address (`personal_sign`)."


class AddressOfOtherChain(SignInRefused):
    """The address is that of a contract on another chain, of which this one knows nothing."""

    code = "ADDRESS_OF_OTHER_CHAIN"
    cure = "Sign in on the chain that the contract wallet is on."


class AddressTaken(Refusal):
    """The address belongs to another user."""

    code = "ADDRESS_TAKEN"
    cure = "Use an address that no other user has signed in with or linked."


class ChainUnavailable(Unavailable):
    """The chain on which the address may be a contract does not answer."""

    code = "CHAIN_UNAVAILABLE"
    cure = "Try again in a while."


class InvalidGrant(Malformed):
    """The refresh token is unknown, expired, revoked or was used before: sign in again."""

    code = "INVALID_GRANT"
    cure = "Sign in again."

    def __init__(self) -> None:
        super().__init__(field="refresh_token")


class TokenReused(InvalidGrant):
    """The refresh token was used before, so the session has ended: sign in again."""
