"""Show the caller's profile, in the form of version 1."""

from functions.identity.caller_profile import profile_of
from functions.identity.ports import IdentityWork
from functions.identity.views import UserView
from shared.contracts.operations import Caller


def read_me(caller: Caller, work: IdentityWork) -> UserView:
    """The caller: current roles, and the scopes of the token. Raises NotFound, Unavailable."""
    return UserView.of(profile_of(caller, work))
