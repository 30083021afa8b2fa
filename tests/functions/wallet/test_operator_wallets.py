"""Operators find anybody's wallet, and what is in it; nobody else does."""

from collections.abc import Callable
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser
from tests.problems import refused

PATH = "/v1/operator/wallets"


def test_an_operator_finds_a_wallet(operator: ApiUser, buyer: ApiUser) -> None:
    """By its id and by its owner, as its owner sees it; of both they have to fit. What is no id is nobody's."""
    own = buyer.get("/v1/wallets")
    for query in (f"user_id={buyer.user_id}", f"wallet_id={buyer.wallet_id}"):
        assert operator.get(f"{PATH}?{query}") == own
    for query in (f"user_id={operator.user_id}&wallet_id={buyer.wallet_id}", "wallet_id=nothing", "user_id=nobody"):
        assert operator.get(f"{PATH}?{query}")["items"] == []


def test_all_wallets_are_listed(operator: ApiUser, anyone: Callable[[], ApiUser]) -> None:
    """The newest first, on pages that go on."""
    made = [anyone().wallet_id for _ in range(3)]
    first = operator.get(f"{PATH}?limit=100")
    shown = [each["id"] for each in first["items"]]
    assert [each for each in shown if each in made] == made[::-1]
    behind = operator.get(f"{PATH}?limit=1&cursor={operator.get(f'{PATH}?limit=1')['next_cursor']}")
    assert behind["items"][0]["id"] < shown[0]


def test_an_operator_looks_into_a_wallet(
    operator: ApiUser, buyer: ApiUser, paid_order: Callable[..., Any], on_sale: Callable[..., Any]
) -> None:
    """Its balances with their holds, and its entries, as its owner sees them."""
    paid_order(buyer, on_sale())
    found = operator.get(f"{PATH}/{buyer.wallet_id}")
    own = f"/v1/wallets/{buyer.wallet_id}"
    assert found["wallet"] == buyer.get(own)
    assert found["balances"] == buyer.get(f"{own}/balances")
    assert found["entries"] == buyer.get(f"{own}/entries")["items"]


def test_only_operators_look(operator: ApiUser, buyer: ApiUser, merchant: ApiUser, subtests: pytest.Subtests) -> None:
    """Not even into a wallet of one's own by this way; an unknown one is 404."""
    for path in (
        PATH,
        f"{PATH}?user_id={merchant.user_id}",
        f"{PATH}/{merchant.wallet_id}",
        f"{PATH}/{buyer.wallet_id}",
    ):
        with subtests.test(path):
            refused(buyer.request("GET", path), 403, "SCOPE_MISSING")
    for wallet_id in (f"{buyer.wallet_id[:-1]}{'1' if buyer.wallet_id[-1] == '0' else '0'}", "wal_x"):
        refused(operator.request("GET", f"{PATH}/{wallet_id}"), 404, "NOT_FOUND")
