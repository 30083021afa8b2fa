"""Opening further wallets."""

from collections.abc import Callable
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from tests.problems import refused

WALLETS = "/v1/wallets"


def test_a_wallet_carries_the_sign_in_address(buyer: ApiUser) -> None:
    """Without a message, the new wallet is the caller's, empty, open, and of the same address as the default one."""
    response = buyer.request("POST", WALLETS, {"name": "Savings"}, key=fresh_key())
    assert response.status_code == 201
    wallet = response.json()
    assert (wallet["name"], wallet["user_id"], wallet["address"], wallet["status"], wallet["version"]) == (
        "Savings",
        buyer.user_id,
        buyer.address,
        "open",
        1,
    )
    assert buyer.get(f"/v1/wallets/{wallet['id']}/balances")["balances"] == []
    assert [item["id"] for item in buyer.get(WALLETS)["items"]] == [wallet["id"], buyer.wallet_id]


@pytest.mark.parametrize("name", ["", "x" * 101, "a\tb", 1, None])
def test_an_unfit_name_is_named(buyer: ApiUser, name: Any) -> None:
    """A name has 1 to 100 characters, none of them a control character."""
    refused(buyer.request("POST", WALLETS, {"name": name}, key=fresh_key()), 400, "VALIDATION_FAILED", "name")


def test_message_and_signature_come_together(buyer: ApiUser) -> None:
    """One without the other is 400."""
    for half in ({"message": "x"}, {"signature": "0x00"}):
        body = {"name": "Linked", **half}
        refused(buyer.request("POST", WALLETS, body, key=fresh_key()), 400, "VALIDATION_FAILED", "signature")


def test_the_same_key_opens_one(buyer: ApiUser) -> None:
    """A repeat answers the same wallet."""
    key = fresh_key()
    first, second = (buyer.request("POST", WALLETS, {"name": "Once"}, key=key) for _ in range(2))
    assert first.content == second.content
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(buyer.get(WALLETS)["items"]) == 2


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None]) -> None:
    """wallet:write."""
    guarded("create_wallet", WALLETS, {"name": "Savings"})
