"""Tell callers who they are, as the first version did."""

from functions.identity.ports import IdentityWork
from functions.identity.profiles import profile_of
from functions.identity.views import UserView
from shared.contracts.operations import Caller


def read_me(caller: Caller, work: IdentityWork) -> UserView:
    """The caller: the roles of now, and the scopes of the token. Raises NotFound, Unavailable."""
    return UserView.of(profile_of(caller, work))
