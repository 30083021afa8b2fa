"""People of the local stack, for whoever tries it out: a merchant, a buyer with money, an operator.

Each has a key in the stack's secrets, so that they stay the same until `reset`.
"""

from typing import Final

import httpx

from emulators.demo.api_user import ApiUser
from emulators.stack import secrets
from emulators.stack.secrets import PEOPLE
from emulators.stack.stack import Stack

USDC: Final = "1000000000"
"""What the buyer has at first, in atomic units: 1,000 USDC."""


def sign_in(stack: Stack, name: str) -> ApiUser:
    """Sign one of the PEOPLE in; the buyer is given USDC if they have no money. Raises httpx.HTTPError."""
    key = bytes.fromhex(secrets.read(stack.layout.secrets, PEOPLE[name]))
    with httpx.Client(base_url=stack.edge_url, timeout=30) as client:
        person = ApiUser(client, key).sign_in_with_retries()
        if name == "buyer" and not person.api.get_balances(wallet_id=person.wallet_id).balances:
            person.api.faucet(wallet_id=person.wallet_id, currency="USDC", amount=USDC)
    return person
