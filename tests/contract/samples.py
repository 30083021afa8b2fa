"""For each row that writes: a request that succeeds. A read succeeds with the ids of the world alone."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from emulators.demo.api_user import CHAIN_ID, ApiUser, fresh_key
from shared.chain.ethereum import address_of, personal_digest, sign
from tests.contract.api import ADDRESS
from tests.contract.conftest import World, funded, hook_of, supply_of

PHASES: Final = [
    {"name": "Friends", "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-02-01T02:00:00+02:00",
     "unit_price": "0", "per_user_limit": 1, "cap": 2, "allowlist_root": "0x" + "A1" * 32},
    {"name": "Everybody", "starts_at": "2026-02-01T00:00:00Z"},
]  # fmt: skip
"""Two phases of a sale, of which the second is open."""


@dataclass(frozen=True)
class Sample:
    """What to send: ids for the path, and a body."""

    body: dict[str, Any] | None = None
    path: dict[str, str] = field(default_factory=dict)
    status: int | None = None
    """What is answered, where that is not the row's success."""


def nonce(world: World) -> Sample:
    """Anybody may ask for a nonce."""
    return Sample({"address": ADDRESS, "chain_id": CHAIN_ID})


def signature(world: World) -> Sample:
    """A signed message of somebody new."""
    key = secrets.token_bytes(32)
    given = world.stranger.post("/v1/auth/nonce", {"address": address_of(key), "chain_id": CHAIN_ID})
    signed = sign(personal_digest(given["message"].encode()), key)
    return Sample({"message": given["message"], "signature": "0x" + signed.hex()})


def session(world: World) -> Sample:
    """The refresh token of a new session."""
    signed = world.stranger.post("/v1/auth/sign-in", signature(world).body)
    return Sample({"refresh_token": signed["refresh_token"]})


def roles(world: World) -> Sample:
    """The roles of somebody else."""
    return Sample({"roles": ["merchant"]}, {"user_id": world.stranger.user_id})


def wallet(world: World) -> Sample:
    """A further wallet."""
    return Sample({"name": "For the holidays"})


def empty_wallet(world: World) -> str:
    """The id of a further wallet of the owner's."""
    opened: str = world.owner.post("/v1/wallets", wallet(world).body, key=fresh_key())["id"]
    return opened


def new_name(world: World) -> Sample:
    """Another name for a wallet."""
    return Sample({"name": "Für später"}, {"wallet_id": empty_wallet(world)})


def closing(world: World) -> Sample:
    """A wallet with nothing in it."""
    return Sample(path={"wallet_id": empty_wallet(world)})


def visitor(world: World) -> Sample:
    """Somebody who tries things out."""
    return Sample({"person": "buyer"})


def redriven(world: World) -> Sample:
    """What would be tried again of a consumer."""
    return Sample({"consumer": "record_payment", "dry_run": True})


def transfer(world: World) -> Sample:
    """Money for the stranger."""
    ends = {"from_wallet_id": world.owner.wallet_id, "to_wallet_id": world.stranger.wallet_id}
    return Sample({**ends, "currency": "USDC", "amount": "10", "reference": "Thanks"})


def transfers(world: World) -> Sample:
    """What an operator moves, together or not at all."""
    ends = {"from_account": world.owner.wallet_id, "to_account": "fees", "currency": "USDC", "amount": "10"}
    back = {**ends, "from_account": "fees", "to_account": world.stranger.wallet_id, "amount": "4"}
    return Sample({"transfers": [{**ends, "reference": "A mistake"}, back]})


def reversible(world: World) -> Sample:
    """Play money that the owner was given."""
    given = world.owner.post("/v1/local/faucet", gift(world).body, key=fresh_key())
    return Sample({}, {"transfer_id": given["id"]})


def withdrawal(world: World) -> Sample:
    """Money for the stranger, on the chain."""
    body = {"wallet_id": world.owner.wallet_id, "currency": "USDC", "amount": "10"}
    return Sample({**body, "to_address": world.stranger.address})


def gift(world: World) -> Sample:
    """Play money for the owner."""
    return Sample({"wallet_id": world.owner.wallet_id, "currency": "USDC", "amount": "1000"})


def supply(world: World) -> Sample:
    """Something to sell, with all that may be said of it."""
    asset = {**world.asset, "token_id": str(2**256 - 1), "standard": "ERC-1155"}
    terms = {"title": "A thing", "currency": "ETH", "unit_price": "1", "quantity": 3, "description": "Of beauty"}
    more = {
        "per_user_limit": 2,
        "phases": PHASES,
        "asset": asset,
        "payout_wallet_id": world.owner.wallet_id,
        "status": "active",
    }
    return Sample({**terms, **more})


def new_terms(world: World) -> Sample:
    """All that may be changed of a supply."""
    changes = {"title": "A rarer thing", "description": "", "unit_price": "2", "per_user_limit": None, "phases": PHASES}
    changes["payout_wallet_id"] = world.owner.wallet_id
    return Sample({**changes, "status": "active"}, {"supply_id": supply_of(world.owner, status="draft")["id"]})


def more_units(world: World) -> Sample:
    """Ten more of something."""
    return Sample({"quantity": 10}, {"supply_id": supply_of(world.owner)["id"]})


def leftover(world: World) -> Sample:
    """A supply that nobody has ordered."""
    return Sample(path={"supply_id": supply_of(world.owner)["id"]})


def purchase(world: World) -> Sample:
    """A unit of something that the stranger sells."""
    wanted = supply_of(world.stranger, unit_price="10")
    return Sample({"wallet_id": world.owner.wallet_id, "items": [{"supply_id": wanted["id"], "quantity": 1}]})


def refundable(world: World) -> Sample:
    """A paid order of something that the owner sells."""
    wanted = supply_of(world.owner, unit_price="10")
    person: ApiUser = funded(world.stranger)
    body = {"wallet_id": person.wallet_id, "items": [{"supply_id": wanted["id"], "quantity": 1}]}
    order = person.post("/v1/orders", body, key=fresh_key())
    person.wait_for(f"/v1/orders/{order['id']}", "status", "paid")
    return Sample({"restock": True, "reason": "It is broken."}, {"order_id": order["id"]})


def unpaid(world: World) -> Sample:
    """A cancelled order: cancelling it again is answered as the first time."""
    for _ in range(20):
        order = world.owner.post("/v1/orders", purchase(world).body, key=fresh_key())
        cancelled = world.owner.request("POST", f"/v1/orders/{order['id']}/cancel")
        if cancelled.status_code == 200:
            return Sample(path={"order_id": order["id"]})
    raise AssertionError("every order of twenty was paid before it could be cancelled")


def paid(world: World) -> Sample:
    """A paid order that was not claimed yet."""
    person: ApiUser = funded(world.owner)
    order = person.post("/v1/orders", purchase(world).body, key=fresh_key())
    person.wait_for(f"/v1/orders/{order['id']}", "status", "paid")
    return Sample({"order_id": order["id"]})


def hook(world: World) -> Sample:
    """A further webhook."""
    return Sample({"url": "http://127.0.0.1:1/hooks", "events": ["order.paid", "transfer.posted"]})


def needless(world: World) -> Sample:
    """A webhook that nobody else looks at."""
    return Sample(path={"webhook_id": world.owner.post("/v1/webhooks", hook(world).body)["id"]})


def new_secret(world: World) -> Sample:
    """Another secret for a webhook, at once."""
    return Sample({"grace_seconds": 0}, needless(world).path)


def undelivered(world: World) -> Sample:
    """What was to be delivered."""
    return Sample(path=hook_of(world.owner))


def failed(world: World) -> Sample:
    """A claim that could not be redeemed; nobody can have one fail at will, so the database says that it did."""
    claim = world.owner.post("/v1/claims", {"order_id": world.paid()["id"]})
    sql = "UPDATE claims SET status = 'failed', due_at = NULL WHERE id = :id RETURNING id"
    assert world.probe.rows("claiming", sql, id=claim["id"])
    return Sample(path={"claim_id": claim["id"]})


SAMPLES: Final[dict[str, Callable[[World], Sample]]] = {
    "issue_nonce": nonce,
    "sign_in": signature,
    "refresh_session": session,
    "sign_out": session,
    "grant_roles": roles,
    "create_wallet": wallet,
    "rename_wallet": new_name,
    "close_wallet": closing,
    "create_transfer": transfer,
    "post_transfers": transfers,
    "reverse_transfer": reversible,
    "create_withdrawal": withdrawal,
    "faucet": gift,
    "create_local_token": visitor,
    "redrive": redriven,
    "create_supply": supply,
    "update_supply": new_terms,
    "restock_supply": more_units,
    "delete_supply": leftover,
    "create_order": purchase,
    "quote_order": purchase,
    "refund_order": refundable,
    "cancel_order": unpaid,
    "create_claim": paid,
    "retry_claim": failed,
    "create_webhook": hook,
    "delete_webhook": needless,
    "enable_webhook": needless,
    "rotate_secret": new_secret,
    "try_webhook": needless,
    "redeliver": undelivered,
    "redeliver_for_owner": undelivered,
}
