"""Exchange a refresh token for its successor and a new access token, with current roles."""

from typing import Final

from functions.identity.domain.errors import InvalidGrant, TokenReused
from functions.identity.domain.users import scopes
from functions.identity.ports import IdentityWork
from functions.identity.views import RefreshToken, TokensView
from shared.contracts.operations import Request
from shared.errors import Contended

ATTEMPTS: Final = 5
"""How often a rotation is tried when others change the session at the same time."""


class RefreshSession(Request):
    """The refresh token of the last response."""

    refresh_token: RefreshToken
    """The refresh token of the last answer."""


def refresh_session(request: RefreshSession, work: IdentityWork) -> TokensView:
    """Rotate a session. A reused old token ends it, except for a retry of the previous token within 10 seconds.

    Raises InvalidGrant for every token that is no longer valid, NotFound without its user; Contended, Unavailable.
    """
    now = work.now()
    session_id = work.refresh_tokens.session_of(request.refresh_token)
    successor = work.refresh_tokens.successor(request.refresh_token)
    for _ in range(ATTEMPTS):
        session = work.sessions.get(session_id)
        if session is None:
            raise InvalidGrant
        try:
            refreshed = session.refreshed(request.refresh_token, successor, now)
        except TokenReused:
            work.sessions.revoke(session, now, "token_reused")
            raise
        # Whatever may fail comes before the rotation: after that the caller has 10 seconds to receive the successor.
        user = work.users.get(session.user_id)
        access_token = work.access_tokens.issue(user.id, session.id, scopes(work.grants.roles(user)), now)
        if refreshed is session or work.sessions.rotate(refreshed):
            return TokensView(
                access_token=access_token,
                expires_in=work.access_tokens.life_seconds,
                refresh_token=successor,
                user_id=user.id,
            )
    raise Contended
