"""Showing a wallet."""

from collections.abc import Callable
from datetime import datetime

from emulators.demo.api_user import ApiUser
from shared import ids
from tests.problems import absent, refused


def test_a_wallet_is_shown_to_its_owner(buyer: ApiUser) -> None:
    """It has the fields of the contract, and its times are UTC."""
    wallet = buyer.get(f"/v1/wallets/{buyer.wallet_id}")
    created = datetime.fromisoformat(wallet["created_at"])
    assert wallet == {
        "id": buyer.wallet_id,
        "user_id": buyer.user_id,
        "name": "Default",
        "address": buyer.address,
        "chain_id": 31337,
        "status": "open",
        "version": 1,
        "created_at": wallet["updated_at"],
        "updated_at": wallet["updated_at"],
    }
    assert wallet["created_at"].endswith("Z")
    assert created.utcoffset() is not None


def test_anothers_wallet_is_not_there(buyer: ApiUser, merchant: ApiUser) -> None:
    """A foreign, an unknown and a malformed id are answered alike."""
    wanted = [merchant.wallet_id, ids.new("wal", "us"), ids.new("wal", "zz"), "nonsense", "%00", buyer.user_id]
    absent(*(buyer.request("GET", f"/v1/wallets/{wallet_id}") for wallet_id in wanted))


def test_query_parameters_are_refused(buyer: ApiUser) -> None:
    """It takes none, and its path parameter only from the path."""
    refused(buyer.request("GET", f"/v1/wallets/{buyer.wallet_id}?x=1"), 400, "VALIDATION_FAILED", "x")
    refused(
        buyer.request("GET", f"/v1/wallets/{buyer.wallet_id}?wallet_id={buyer.wallet_id}"),
        400,
        "VALIDATION_FAILED",
        "wallet_id",
    )


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None], merchant: ApiUser) -> None:
    """wallet:read."""
    guarded("get_wallet", f"/v1/wallets/{merchant.wallet_id}")
