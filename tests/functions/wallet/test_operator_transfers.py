"""What operators move: several transfers together, and transfers back."""

from collections.abc import Callable
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from functions.wallet.domain.errors import AlreadyReversed, InsufficientFunds, NotReversible
from functions.wallet.requests import Adjustment, PostTransfers
from functions.wallet.reverse_transfer import ReverseTransfer
from functions.wallet.views import TransfersView, TransferView
from shared import ids
from shared.money import Amount
from tests.conftest import FUNDS
from tests.isolated_services import IsolatedServices, IsolatedUser
from tests.problems import absent, refused
from tests.races import all_at_once, at_once

TRANSFERS = "/v1/operator/transfers"


def moving(payer: str, payee: str, amount: object = "7", **changes: Any) -> dict[str, Any]:
    return {"from_account": payer, "to_account": payee, "currency": "USDC", "amount": amount, **changes}


def post(isolated: IsolatedServices, *legs: tuple[str, str, int]) -> list[TransferView]:
    request = PostTransfers([Adjustment(payer, payee, "USDC", Amount(amount)) for payer, payee, amount in legs])
    view: TransfersView = isolated.run("post_transfers", request=request, caller=IsolatedUser("", "").caller)
    return view.transfers


def reverse(isolated: IsolatedServices, transfer_id: str) -> TransferView:
    caller = IsolatedUser("", "").caller
    view: TransferView = isolated.run("reverse_transfer", request=ReverseTransfer(transfer_id), caller=caller)
    return view


def had(isolated: IsolatedServices, *people: IsolatedUser) -> list[int]:
    return [isolated.probe.money(somebody.wallet_id)[0] for somebody in people]


def test_they_are_made_together(operator: ApiUser, buyer: ApiUser, anyone: Callable[[], ApiUser]) -> None:
    """It is answered 201 with the transfers in order; both ledgers show them with their reference."""
    other = anyone()
    body = [moving(buyer.wallet_id, "fees", reference="a fine"), moving("fees", other.wallet_id, "3")]
    response = operator.request("POST", TRANSFERS, {"transfers": body}, key=fresh_key())
    assert response.status_code == 201
    first, second = response.json()["transfers"]
    assert (first["kind"], first["from_wallet_id"], first["to_wallet_id"]) == ("adjustment", buyer.wallet_id, None)
    assert (second["from_wallet_id"], second["to_wallet_id"], second["amount"]) == (None, other.wallet_id, "3")
    assert (buyer.balance("USDC"), other.balance("USDC")) == (FUNDS - 7, 3)
    [newest, *_] = buyer.get(f"/v1/wallets/{buyer.wallet_id}/entries")["items"]
    assert (newest["kind"], newest["reference"]) == ("adjustment", "a fine")


def test_all_or_none(isolated: IsolatedServices) -> None:
    """One that cannot be covered undoes those before it; what one brings, a later one may take."""
    one, two, three = isolated.new_user(USDC=10), isolated.new_user(), isolated.new_user()
    with pytest.raises(InsufficientFunds):
        post(isolated, (one.wallet_id, two.wallet_id, 4), (two.wallet_id, three.wallet_id, 5))
    assert had(isolated, one, two, three) == [10, 0, 0]
    with pytest.raises(InsufficientFunds):
        post(isolated, (two.wallet_id, three.wallet_id, 4), (one.wallet_id, two.wallet_id, 4))
    with pytest.raises(InsufficientFunds):  # by the smallest amount that there is
        post(isolated, (two.wallet_id, three.wallet_id, 1), (one.wallet_id, two.wallet_id, 1))
    with pytest.raises(InsufficientFunds):
        post(
            isolated,
            (one.wallet_id, two.wallet_id, 4),
            (two.wallet_id, three.wallet_id, 5),
            (one.wallet_id, two.wallet_id, 1),
        )
    post(isolated, (one.wallet_id, two.wallet_id, 4), (two.wallet_id, three.wallet_id, 4))
    assert had(isolated, one, two, three) == [6, 0, 4]
    assert isolated.violations() == []


@pytest.mark.parametrize(
    ("transfers", "field"),
    [
        ([], "transfers"),
        ([moving("fees", "losses", "0")], "transfers[0].amount"),
        ([moving("fees", "losses"), moving("fees", "fees")], "transfers[1].to_account"),
        ([moving("fees", "losses", "-1")], "transfers[0].amount"),
        ([moving("fees", "losses", 1)], "transfers[0].amount"),
        ([moving("fees", "losses", currency="DOGE")], "transfers[0].currency"),
        ([moving("fees", "losses", reference="a\nb")], "transfers[0].reference"),
        ([moving("fees", "losses", more=1)], "transfers[0].more"),
        ([moving("fees", "losses")] * 101, "transfers"),
    ],
)
def test_bad_input_is_named(operator: ApiUser, transfers: list[Any], field: str) -> None:
    """It is 400."""
    response = operator.request("POST", TRANSFERS, {"transfers": transfers}, key=fresh_key())
    refused(response, 400, "VALIDATION_FAILED", field)


def test_what_is_not_the_houses_own_is_no_account(operator: ApiUser, buyer: ApiUser) -> None:
    """Escrow, the outside, transit, the faucet and unknown wallets are 404, and nothing moves."""
    for account in ("escrow", "external", "transit", "faucet", "", "nonsense", ids.new("wal", "us")):
        for body in (moving(buyer.wallet_id, account), moving(account, buyer.wallet_id)):
            refused(operator.request("POST", TRANSFERS, {"transfers": [body]}, key=fresh_key()), 404, "NOT_FOUND")
    assert buyer.balance("USDC") == FUNDS


def test_a_closed_wallet_takes_nothing(operator: ApiUser, buyer: ApiUser, anyone: Callable[[], ApiUser]) -> None:
    """It is WALLET_CLOSED, also where the money would pass on to another."""
    owner = anyone()
    closed = owner.post("/v1/wallets", {"name": "Spare"}, key=fresh_key())["id"]
    assert owner.request("DELETE", f"/v1/wallets/{closed}").status_code == 204
    for more in ([], [moving(closed, buyer.wallet_id)]):
        body = {"transfers": [moving(buyer.wallet_id, closed), *more]}
        refused(operator.request("POST", TRANSFERS, body, key=fresh_key()), 409, "WALLET_CLOSED")


def test_the_same_key_moves_once(operator: ApiUser, buyer: ApiUser) -> None:
    """Ten at once under one key are one; a refusal is repeated as it was."""
    key, body = fresh_key(), {"transfers": [moving(buyer.wallet_id, "fees")]}
    answers = all_at_once([lambda: operator.request("POST", TRANSFERS, body, key=key)] * 10)
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert buyer.balance("USDC") == FUNDS - 7
    key, body = fresh_key(), {"transfers": [moving(buyer.wallet_id, "fees", str(FUNDS))]}
    refusal = refused(operator.request("POST", TRANSFERS, body, key=key), 409, "INSUFFICIENT_FUNDS")
    assert operator.request("POST", TRANSFERS, body, key=key).json() == refusal


def test_a_transfer_is_taken_back_once(operator: ApiUser, buyer: ApiUser, merchant: ApiUser) -> None:
    """The same money goes the other way; a second time is ALREADY_REVERSED, and a reversal is not reversed."""
    ends = {"from_wallet_id": buyer.wallet_id, "to_wallet_id": merchant.wallet_id, "currency": "USDC", "amount": "70"}
    transfer = buyer.post("/v1/transfers", ends, fresh_key())
    path = f"{TRANSFERS}/{transfer['id']}/reverse"
    response = operator.request("POST", path, key=fresh_key())
    assert response.status_code == 201
    back = response.json()
    assert (back["kind"], back["reference"], back["to_wallet_id"]) == ("reversal", transfer["id"], buyer.wallet_id)
    assert buyer.balance("USDC") == FUNDS
    refused(operator.request("POST", path, key=fresh_key()), 409, "ALREADY_REVERSED")
    refused(operator.request("POST", f"{TRANSFERS}/{back['id']}/reverse", key=fresh_key()), 409, "NOT_REVERSIBLE")


def test_a_reversal_is_made_once_in_a_race(isolated: IsolatedServices) -> None:
    """Of ten at once, one; the others find it made."""
    one, two = isolated.new_user(USDC=10), isolated.new_user()
    [made] = post(isolated, (one.wallet_id, two.wallet_id, 4))
    results = at_once([lambda: reverse(isolated, made.id)] * 10)
    assert sorted(type(result).__name__ for result in results) == ["AlreadyReversed"] * 9 + ["TransferView"]
    assert had(isolated, one, two) == [10, 0]
    with pytest.raises(AlreadyReversed):
        reverse(isolated, made.id)


def test_what_was_spent_is_not_taken_back(isolated: IsolatedServices) -> None:
    """The money is not there any more: nothing moves."""
    one, two, three = isolated.new_user(USDC=10), isolated.new_user(), isolated.new_user()
    [made] = post(isolated, (one.wallet_id, two.wallet_id, 4))
    post(isolated, (two.wallet_id, three.wallet_id, 4))
    with pytest.raises(InsufficientFunds):
        reverse(isolated, made.id)
    assert had(isolated, one, two, three) == [6, 0, 4]


def test_the_steps_of_a_sale_are_not_reversed(isolated: IsolatedServices) -> None:
    """A capture belongs to its order, which decides about it: by a refund."""
    buyer = isolated.new_user(USDC=1000)
    order = isolated.buy(buyer, (isolated.sell(isolated.new_user()), 1))
    sql = "SELECT id FROM transfers WHERE order_id = :id AND kind = 'capture'"
    [capture] = isolated.probe.rows("wallet", sql, id=order.id)
    with pytest.raises(NotReversible):
        reverse(isolated, capture["id"])


def test_an_unknown_transfer_is_404(operator: ApiUser) -> None:
    """And a malformed id is."""
    paths = [f"{TRANSFERS}/{each}/reverse" for each in (ids.new("trf", "us"), "nonsense", ids.new("ord", "us"))]
    absent(*(operator.request("POST", path, key=fresh_key()) for path in paths))


def test_they_need_a_token_with_its_scope(guarded: Callable[..., None]) -> None:
    """operator."""
    guarded("post_transfers", TRANSFERS, {"transfers": [moving("fees", "losses")]})
    guarded("reverse_transfer", f"{TRANSFERS}/{ids.new('trf', 'us')}/reverse")
