"""Buys a unit of a supply and claims it: purchase.py URL SUPPLY. Prints the claim's id."""

import sys

from eth_account import Account
from eth_account.messages import encode_defunct
from meridian_client import Meridian, OrderLine, iterate

url, supply_id = sys.argv[1:]

# In a browser the user's wallet signs; here it is a new key.
account = Account.create()


def sign(message: str) -> str:
    return str(account.sign_message(encode_defunct(text=message)).signature.to_0x_hex())


with Meridian(url).log_in(account.address, sign) as shop:
    wallet = next(iterate(shop.list_wallets))
    supply = shop.get_supply(supply_id=supply_id)
    # The local stack gives money away; elsewhere it is deposited.
    shop.faucet(wallet_id=wallet.id, currency=supply.currency, amount=supply.unit_price)
    order = shop.create_order(wallet_id=wallet.id, items=[OrderLine(supply_id=supply_id, quantity=1)])
    shop.wait_until_paid(order.id)
    claim = shop.create_claim(order_id=order.id)
    print(claim.id)
