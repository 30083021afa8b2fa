"""Grant roles to a user; they replace those granted before."""

from typing import Final

from functions.identity.domain.users import Role
from functions.identity.ports import IdentityWork
from functions.identity.views import RolesView
from shared.contracts.fields import UserId
from shared.contracts.operations import Caller, Request
from shared.errors import Contended

ATTEMPTS: Final = 5
"""How often the change is tried when others change the user at the same time."""


class GrantRoles(Request):
    """All roles that the user is to have."""

    user_id: UserId
    roles: list[Role]
    """All roles that the user is to have besides those of the configuration."""


def grant_roles(request: GrantRoles, caller: Caller, work: IdentityWork) -> RolesView:
    """Set the roles of a user, which apply from the next refresh; those of the configuration stay.

    Raises NotFound, Contended, Unavailable.
    """
    for _ in range(ATTEMPTS):
        user = work.users.get(request.user_id)
        granted = user.granted(request.roles)
        if granted is user or work.users.grant(granted, caller.user_id, work.now()):
            return RolesView(user_id=user.id, roles=work.grants.roles(granted))
    raise Contended
