"""Tell callers who they are."""

from functions.identity.ports import IdentityWork
from functions.identity.views import UserView
from shared.contracts.operations import Caller


def read_me(caller: Caller, work: IdentityWork) -> UserView:
    """The caller: the roles of now, and the scopes of the token. Raises NotFound, Unavailable."""
    user = work.users.get(caller.user_id)
    return UserView(
        user_id=user.id,
        address=user.address,
        roles=work.grants.roles(user),
        scopes=sorted(caller.scopes),
        home_region=user.home_region,
    )
