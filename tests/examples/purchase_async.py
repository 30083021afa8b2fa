"""Buys a unit of a supply and claims it, with coroutines: purchase_async.py URL SUPPLY. Prints the claim's id."""

import asyncio
import sys

from eth_account import Account
from eth_account.messages import encode_defunct
from meridian_client import AsyncMeridian, OrderLine, aiterate

# In a browser the user's wallet signs; here it is a new key.
account = Account.create()


def sign(message: str) -> str:
    return str(account.sign_message(encode_defunct(text=message)).signature.to_0x_hex())


async def buy(url: str, supply_id: str) -> str:
    async with await AsyncMeridian(url).log_in(account.address, sign) as shop:
        supply = await shop.get_supply(supply_id=supply_id)
        wallet = await anext(aiterate(shop.list_wallets))
        # The local stack gives money away; elsewhere it is deposited.
        await shop.faucet(wallet_id=wallet.id, currency=supply.currency, amount=supply.unit_price)
        order = await shop.create_order(wallet_id=wallet.id, items=[OrderLine(supply_id=supply_id, quantity=1)])
        await shop.wait_until_paid(order.id)
        claim = await shop.create_claim(order_id=order.id)
        return str(claim.id)


print(asyncio.run(buy(*sys.argv[1:])))
