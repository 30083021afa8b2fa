"""Tell callers who they are."""

from functions.identity.ports import IdentityWork
from functions.identity.profiles import profile_of
from functions.identity.views import ProfileView
from shared.contracts.operations import Caller


def read_profile(caller: Caller, work: IdentityWork) -> ProfileView:
    """The caller: the roles of now, and the scopes of the token. Raises NotFound, Unavailable."""
    return profile_of(caller, work)
