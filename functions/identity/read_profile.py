"""Show the caller's profile."""

from functions.identity.caller_profile import profile_of
from functions.identity.ports import IdentityWork
from functions.identity.views import ProfileView
from shared.contracts.operations import Caller


def read_profile(caller: Caller, work: IdentityWork) -> ProfileView:
    """The caller: current roles, and the scopes of the token. Raises NotFound, Unavailable."""
    return profile_of(caller, work)
