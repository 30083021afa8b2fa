"""Sign in one of the local stack's people; on the local stack only."""

from typing import Literal

from functions.identity.ports import IdentityWork
from functions.identity.session_opening import open_session
from functions.identity.views import TokensView
from shared.contracts.operations import Request


class CreateLocalToken(Request):
    """Who to sign in."""

    person: Literal["merchant", "buyer", "operator"]
    """Who to sign in."""


def create_local_token(request: CreateLocalToken, work: IdentityWork) -> TokensView:
    """Open a session without a wallet at hand, to try the API out. Raises Contended, Unavailable."""
    return open_session(work.local_address(request.person), min(work.site.chains), None, work)
