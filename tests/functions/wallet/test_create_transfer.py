"""Sending money to another wallet."""

from collections.abc import Callable
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from functions.wallet.domain.errors import InsufficientFunds
from functions.wallet.requests import CreateTransfer
from shared import ids
from shared.money import Amount
from tests.isolated_services import IsolatedServices, IsolatedUser
from tests.problems import absent, refused
from tests.races import all_at_once, at_once

TRANSFERS = "/v1/transfers"


def sending(payer: ApiUser, payee: ApiUser, **changes: Any) -> dict[str, Any]:
    body = {"from_wallet_id": payer.wallet_id, "to_wallet_id": payee.wallet_id, "currency": "USDC", "amount": "7"}
    return {**body, **changes}


def send(isolated: IsolatedServices, payer: IsolatedUser, payee: IsolatedUser, amount: int) -> None:
    request = CreateTransfer(payer.wallet_id, payee.wallet_id, "USDC", Amount(amount))
    isolated.run("create_transfer", request=request, caller=payer.caller)


def test_money_moves_at_once(buyer: ApiUser, merchant: ApiUser) -> None:
    """It is answered 201 with the transfer; what one has less, the other has more, and both ledgers show it."""
    had = buyer.balance("USDC"), merchant.balance("USDC")
    response = buyer.request("POST", TRANSFERS, sending(buyer, merchant, reference="lunch"), key=fresh_key())
    assert response.status_code == 201
    transfer = response.json()
    assert {name: transfer[name] for name in ("kind", "from_wallet_id", "to_wallet_id", "amount", "reference")} == {
        "kind": "transfer",
        "from_wallet_id": buyer.wallet_id,
        "to_wallet_id": merchant.wallet_id,
        "amount": "7",
        "reference": "lunch",
    }
    assert (buyer.balance("USDC"), merchant.balance("USDC")) == (had[0] - 7, had[1] + 7)
    newest = buyer.get(f"/v1/wallets/{buyer.wallet_id}/entries")["items"][0]
    assert (newest["transfer_id"], newest["amount"], newest["reference"]) == (transfer["id"], "-7", "lunch")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"amount": 1}, "amount"),
        ({"amount": str(2**256)}, "amount"),
        ({"currency": "BTC"}, "currency"),
        ({"reference": "x" * 201}, "reference"),
        ({"reference": "a\nb"}, "reference"),
    ],
)
def test_bad_input_is_named(buyer: ApiUser, merchant: ApiUser, changes: dict[str, Any], field: str) -> None:
    """Amounts of nothing, unknown currencies and unfit references are 400, and nothing moves."""
    had = buyer.balance("USDC")
    response = buyer.request("POST", TRANSFERS, sending(buyer, merchant, **changes), key=fresh_key())
    refused(response, 400, "VALIDATION_FAILED", field)
    assert buyer.balance("USDC") == had


def test_nobody_pays_themselves(buyer: ApiUser) -> None:
    """From a wallet to itself is 400."""
    response = buyer.request("POST", TRANSFERS, sending(buyer, buyer), key=fresh_key())
    refused(response, 400, "VALIDATION_FAILED", "to_wallet_id")


def test_nobody_spends_anothers_money(buyer: ApiUser, merchant: ApiUser) -> None:
    """From a foreign, an unknown and a malformed wallet are the same 404, and the owner keeps everything."""
    had = buyer.balance("USDC")
    wallets = [buyer.wallet_id, ids.new("wal", "us"), "nonsense"]
    bodies = [sending(merchant, merchant, from_wallet_id=wallet_id) for wallet_id in wallets]
    absent(*(merchant.request("POST", TRANSFERS, body, key=fresh_key()) for body in bodies))
    assert buyer.balance("USDC") == had


def test_an_unknown_payee_is_404(buyer: ApiUser) -> None:
    """Money goes nowhere that is not there."""
    for wallet_id in (ids.new("wal", "us"), "escrow", "external", ""):
        body = sending(buyer, buyer, to_wallet_id=wallet_id)
        refused(buyer.request("POST", TRANSFERS, body, key=fresh_key()), 404, "NOT_FOUND")


def test_more_than_is_available_is_refused(buyer: ApiUser, merchant: ApiUser) -> None:
    """One more than there is, or anything of a currency that the wallet never had, is INSUFFICIENT_FUNDS."""
    over = str(buyer.balance("USDC") + 1)
    for changes in ({"amount": over}, {"currency": "MATIC"}):
        response = buyer.request("POST", TRANSFERS, sending(buyer, merchant, **changes), key=fresh_key())
        refused(response, 409, "INSUFFICIENT_FUNDS")


def test_the_same_key_sends_once(buyer: ApiUser, merchant: ApiUser) -> None:
    """Twenty at once under one key are one transfer; another body under it is 422, none is 400."""
    had, key = buyer.balance("USDC"), fresh_key()
    answers = all_at_once([lambda: buyer.request("POST", TRANSFERS, sending(buyer, merchant), key=key)] * 20)
    done = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(done) == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert buyer.balance("USDC") == had - 7
    other = buyer.request("POST", TRANSFERS, sending(buyer, merchant, amount="8"), key=key)
    refused(other, 422, "IDEMPOTENCY_KEY_REUSED")
    refused(buyer.request("POST", TRANSFERS, sending(buyer, merchant)), 400, "IDEMPOTENCY_KEY_REQUIRED")


def test_held_money_is_not_sent(isolated: IsolatedServices) -> None:
    """What is set aside for an order is not available for a transfer."""
    merchant, buyer, friend = isolated.new_user(), isolated.new_user(USDC=1500), isolated.new_user()
    supply = isolated.sell(merchant)
    isolated.confirm(isolated.place(buyer, (supply, 1)))
    with pytest.raises(InsufficientFunds):
        send(isolated, buyer, friend, 501)
    send(isolated, buyer, friend, 500)
    assert isolated.probe.money(buyer.wallet_id) == (1000, 1000)


def test_a_wallet_is_never_overdrawn_in_a_race(isolated: IsolatedServices) -> None:
    """Of ten transfers at once for which there is money for three, three arrive."""
    payer, payee = isolated.new_user(USDC=35), isolated.new_user()
    results = at_once([lambda: send(isolated, payer, payee, 10)] * 10)
    assert sorted(type(result).__name__ for result in results) == ["InsufficientFunds"] * 7 + ["NoneType"] * 3
    assert isolated.probe.money(payer.wallet_id) == (5, 0)
    assert isolated.probe.money(payee.wallet_id) == (30, 0)


def test_opposite_transfers_do_not_block_each_other(isolated: IsolatedServices) -> None:
    """Forty transfers to and fro between two wallets at once all arrive, and no money is made or lost."""
    one, other = isolated.new_user(USDC=1000), isolated.new_user(USDC=1000)
    to_and_fro: list[Callable[[], None]] = [
        lambda: send(isolated, one, other, 3),
        lambda: send(isolated, other, one, 3),
    ]
    all_at_once(to_and_fro * 20)
    assert isolated.probe.money(one.wallet_id) == isolated.probe.money(other.wallet_id) == (1000, 0)
    assert isolated.violations() == []


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None], merchant: ApiUser) -> None:
    """wallet:write."""
    guarded("create_transfer", TRANSFERS, sending(merchant, merchant))
