"""Closing a wallet."""

from collections.abc import Callable

import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from functions.wallet.close_wallet import CloseWallet
from functions.wallet.domain.errors import WalletIsClosed
from shared import ids
from tests.functions.wallet.test_create_transfer import send, sending
from tests.isolated_services import IsolatedServices
from tests.problems import absent, refused


@pytest.fixture
def spare(buyer: ApiUser) -> str:
    """The id of a further, empty wallet of the buyer."""
    return str(buyer.post("/v1/wallets", {"name": "Spare"}, key=fresh_key())["id"])


def test_an_empty_wallet_closes(buyer: ApiUser, spare: str) -> None:
    """204, on a repeat, too; the wallet is still shown, as closed, and takes no money."""
    for _ in range(2):
        assert buyer.request("DELETE", f"/v1/wallets/{spare}").status_code == 204
    assert buyer.get(f"/v1/wallets/{spare}")["status"] == "closed"
    body = sending(buyer, buyer, to_wallet_id=spare)
    refused(buyer.request("POST", "/v1/transfers", body, key=fresh_key()), 409, "WALLET_CLOSED")


def test_a_wallet_with_money_stays_open(buyer: ApiUser) -> None:
    """A balance is WALLET_NOT_EMPTY."""
    refused(buyer.request("DELETE", f"/v1/wallets/{buyer.wallet_id}"), 409, "WALLET_NOT_EMPTY")
    assert buyer.get(f"/v1/wallets/{buyer.wallet_id}")["status"] == "open"


def test_the_default_wallet_never_closes(anyone: Callable[[], ApiUser]) -> None:
    """Even if empty: credits to closed wallets go there."""
    somebody = anyone()
    refused(somebody.request("DELETE", f"/v1/wallets/{somebody.wallet_id}"), 409, "WALLET_NOT_EMPTY")
    assert somebody.get(f"/v1/wallets/{somebody.wallet_id}")["status"] == "open"


def test_a_closed_wallet_pays_for_nothing(isolated: IsolatedServices) -> None:
    """No hold is placed in it, and nothing is sent from it."""
    merchant, buyer = isolated.new_user(), isolated.spare(isolated.new_user())
    order = isolated.place(buyer, (isolated.sell(merchant), 1))
    isolated.run("close_wallet", request=CloseWallet(buyer.wallet_id), caller=buyer.caller)
    refusal = isolated.orders.wallet.hold([order])[0]
    assert refusal is not None
    assert refusal[0] == "WALLET_CLOSED"
    with pytest.raises(WalletIsClosed):
        send(isolated, buyer, merchant, 1)


def test_nobody_closes_anothers(buyer: ApiUser, merchant: ApiUser) -> None:
    """A foreign, an unknown and a malformed wallet are the same 404."""
    wallets = [merchant.wallet_id, ids.new("wal", "us"), "nonsense"]
    absent(*(buyer.request("DELETE", f"/v1/wallets/{wallet_id}") for wallet_id in wallets))


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None], merchant: ApiUser) -> None:
    """wallet:write."""
    guarded("close_wallet", f"/v1/wallets/{merchant.wallet_id}", None)
