"""Renaming a wallet."""

from collections.abc import Callable

from emulators.demo.api_user import ApiUser
from shared import ids
from tests.problems import absent, refused


def test_a_wallet_takes_its_new_name(buyer: ApiUser) -> None:
    """It is answered 200 with the wallet at its next version, and stays so."""
    path = f"/v1/wallets/{buyer.wallet_id}"
    before = buyer.get(path)
    response = buyer.request("PATCH", path, {"name": "Everyday"})
    assert response.status_code == 200
    assert response.json() == buyer.get(path)
    assert (response.json()["name"], response.json()["version"]) == ("Everyday", before["version"] + 1)


def test_nobody_renames_anothers(buyer: ApiUser, merchant: ApiUser) -> None:
    """A foreign, an unknown and a malformed wallet are the same 404."""
    wallets = [merchant.wallet_id, ids.new("wal", "us"), "nonsense"]
    absent(*(buyer.request("PATCH", f"/v1/wallets/{wallet_id}", {"name": "Mine"}) for wallet_id in wallets))
    assert merchant.get(f"/v1/wallets/{merchant.wallet_id}")["name"] != "Mine"


def test_what_cannot_be_changed_is_refused(buyer: ApiUser) -> None:
    """Only the name is the caller's to change, and it is needed."""
    path = f"/v1/wallets/{buyer.wallet_id}"
    refused(buyer.request("PATCH", path, {"name": "x", "status": "closed"}), 400, "VALIDATION_FAILED", "status")
    refused(buyer.request("PATCH", path, {}), 400, "VALIDATION_FAILED", "name")


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None], merchant: ApiUser) -> None:
    """wallet:write."""
    guarded("rename_wallet", f"/v1/wallets/{merchant.wallet_id}", {"name": "x"})
