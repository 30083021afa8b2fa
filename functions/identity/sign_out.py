"""End a session."""

from functions.identity.ports import IdentityWork
from functions.identity.views import RefreshToken
from shared.contracts.operations import Request


class SignOut(Request):
    """A refresh token of the session."""

    refresh_token: RefreshToken
    """A refresh token of the session, however old."""


def sign_out(request: SignOut, work: IdentityWork) -> None:
    """End the session of a refresh token, however old; it stays ended. Raises InvalidGrant for any other text."""
    session_id = work.refresh_tokens.session_of(request.refresh_token)
    session = work.sessions.get(session_id)
    if session is not None:
        work.sessions.revoke(session, work.now(), "signed_out")
