"""Closing a wallet."""

from collections.abc import Callable

import pytest

from emulators.buyer import Person, fresh_key
from functions.wallet.close_wallet import CloseWallet
from functions.wallet.domain.errors import WalletClosed
from shared import ids
from tests.functions.wallet.test_create_transfer import send, sending
from tests.island import Island
from tests.problems import absent, refused


@pytest.fixture
def spare(buyer: Person) -> str:
    """The id of a further, empty wallet of the buyer."""
    return str(buyer.post("/v1/wallets", {"name": "Spare"}, key=fresh_key())["id"])


def test_an_empty_wallet_closes(buyer: Person, spare: str) -> None:
    """It is answered 204, again too; the wallet is still shown, as closed, and takes no money."""
    for _ in range(2):
        assert buyer.request("DELETE", f"/v1/wallets/{spare}").status_code == 204
    assert buyer.get(f"/v1/wallets/{spare}")["status"] == "closed"
    body = sending(buyer, buyer, to_wallet_id=spare)
    refused(buyer.request("POST", "/v1/transfers", body, key=fresh_key()), 409, "WALLET_CLOSED")


def test_a_wallet_with_money_stays_open(buyer: Person) -> None:
    """A balance is WALLET_NOT_EMPTY."""
    refused(buyer.request("DELETE", f"/v1/wallets/{buyer.wallet_id}"), 409, "WALLET_NOT_EMPTY")
    assert buyer.get(f"/v1/wallets/{buyer.wallet_id}")["status"] == "open"


def test_the_default_wallet_never_closes(anyone: Callable[[], Person]) -> None:
    """Empty as it is: what is meant for a closed wallet goes there."""
    somebody = anyone()
    refused(somebody.request("DELETE", f"/v1/wallets/{somebody.wallet_id}"), 409, "WALLET_NOT_EMPTY")
    assert somebody.get(f"/v1/wallets/{somebody.wallet_id}")["status"] == "open"


def test_a_closed_wallet_pays_for_nothing(island: Island) -> None:
    """No hold is placed in it, and nothing is sent from it."""
    merchant, buyer = island.islander(), island.spare(island.islander())
    order = island.place(buyer, (island.sell(merchant), 1))
    island.run("close_wallet", request=CloseWallet(buyer.wallet_id), caller=buyer.caller)
    refusal = island.orders.wallet.hold(order)
    assert refusal is not None
    assert refusal[0] == "WALLET_CLOSED"
    with pytest.raises(WalletClosed):
        send(island, buyer, merchant, 1)


def test_nobody_closes_anothers(buyer: Person, merchant: Person) -> None:
    """A foreign, an unknown and a malformed wallet are the same 404."""
    wallets = [merchant.wallet_id, ids.new("wal", "us"), "nonsense"]
    absent(*(buyer.request("DELETE", f"/v1/wallets/{wallet_id}") for wallet_id in wallets))


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None], merchant: Person) -> None:
    """wallet:write."""
    guarded("close_wallet", f"/v1/wallets/{merchant.wallet_id}", None)
