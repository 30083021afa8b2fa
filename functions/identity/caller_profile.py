"""The caller's profile, which each version of the API presents in its own form."""

from functions.identity.ports import IdentityWork
from functions.identity.views import HomeView, ProfileView
from shared.contracts.operations import Caller


def profile_of(caller: Caller, work: IdentityWork) -> ProfileView:
    """The profile: current roles, and the scopes of the token. Raises NotFound, Unavailable."""
    user = work.users.get(caller.user_id)
    return ProfileView(
        id=user.id,
        address=user.address,
        roles=work.grants.roles(user),
        scopes=sorted(caller.scopes),
        home=HomeView(user.home_region, user.home_cell),
        created_at=user.created_at,
    )
