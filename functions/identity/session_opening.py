"""Open a session for whoever has proven an address; the first time, create a user and a wallet."""

import logging

from functions.identity.domain import sessions
from functions.identity.domain.users import User, scopes
from functions.identity.ports import IdentityWork
from functions.identity.views import TokensView
from shared import ids
from shared.errors import Unavailable

log = logging.getLogger(__name__)


def open_session(address: str, chain_id: int, contract_chain: int | None, work: IdentityWork) -> TokensView:
    """Open a session of the user whom an address belongs to; a new one is at home in a cell of this region.

    chain_id: the chain of the sign-in. contract_chain: that of the contract wallet that verified the signature; None if
    the key itself signed. Raises AddressOfOtherChain, Contended and Unavailable. What is cut off is completed by the
    next one. Away from home it does not need the home: the wallet was opened by the first sign-in, there.
    """
    now = work.now()
    known = work.users.of_address(address, contract_chain)
    home = work.home_of(address)
    user = known or work.users.create(
        User(
            id=ids.new("usr", home),
            address=address,
            home_region=work.home_region,
            home_cell=home,
            created_at=now,
            contract_chain=contract_chain,
        )
    )
    try:
        work.wallets.open_default(user, chain_id)
    except Unavailable as error:
        if known is None or user.home_cell == work.cell:
            raise
        log.warning("%s signs in while the cell %s is away: %s", user.id, user.home_cell, error)
    session_id = work.new_id("ses")
    refresh_token = work.refresh_tokens.first(session_id, work.random(sessions.SECRET_BYTES))
    work.sessions.open(sessions.Session.begin(session_id, user.id, refresh_token, now))
    return TokensView(
        access_token=work.access_tokens.issue(user.id, session_id, scopes(work.grants.roles(user)), now),
        expires_in=work.access_tokens.life_seconds,
        refresh_token=refresh_token,
        user_id=user.id,
    )
