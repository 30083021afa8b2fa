"""Giving play money."""

from collections.abc import Callable
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from shared import ids
from shared.money import MAXIMUM
from tests.isolated_services import IsolatedServices
from tests.problems import absent, refused
from tests.races import all_at_once, at_once

FAUCET = "/v1/local/faucet"


@pytest.fixture
def newcomer(anyone: Callable[[], ApiUser]) -> ApiUser:
    """Somebody without money."""
    return anyone()


def gift(person: ApiUser, **changes: Any) -> dict[str, Any]:
    return {"wallet_id": person.wallet_id, "currency": "USDC", "amount": "5", **changes}


def test_a_gift_is_a_transfer_into_the_wallet(newcomer: ApiUser) -> None:
    """It is answered 201 with the transfer, and is on the balance and in the ledger at once."""
    response = newcomer.request("POST", FAUCET, gift(newcomer, amount="1500000"))
    assert response.status_code == 201
    transfer = response.json()
    assert {name: transfer[name] for name in transfer if name not in ("id", "created_at")} == {
        "kind": "faucet",
        "from_wallet_id": None,
        "to_wallet_id": newcomer.wallet_id,
        "currency": "USDC",
        "amount": "1500000",
        "reference": "",
    }
    assert newcomer.balance("USDC") == 1_500_000
    (entry,) = newcomer.get(f"/v1/wallets/{newcomer.wallet_id}/entries")["items"]
    assert (entry["transfer_id"], entry["amount"], entry["balance_after"]) == (transfer["id"], "1500000", "1500000")


TEXTS = ["0", "-1", "+1", "1.5", "1e3", " 1", "1 ", "01", "", "0x1", "1_0", "\uff11", "\u0661", "9" * 79]


NO_AMOUNTS: list[Any] = [*TEXTS, str(MAXIMUM + 1), 1, 1.0, -1, True, None, [], {}, ["1"]]


def test_what_is_no_amount_is_refused(newcomer: ApiUser, subtests: pytest.Subtests) -> None:
    """Only a decimal string of atomic units above 0 and below 2^256 is an amount."""
    for amount in NO_AMOUNTS:
        with subtests.test(amount=amount):
            refused(newcomer.request("POST", FAUCET, gift(newcomer, amount=amount)), 400, "VALIDATION_FAILED", "amount")
            assert newcomer.get(f"/v1/wallets/{newcomer.wallet_id}/balances")["balances"] == []


@pytest.mark.parametrize("currency", ["BTC", "usdc", "", " USDC", "USDC\n", 1, None])
def test_an_unknown_currency_is_refused(newcomer: ApiUser, currency: Any) -> None:
    """Only the currencies of the shop are."""
    body = gift(newcomer, currency=currency)
    refused(newcomer.request("POST", FAUCET, body), 400, "VALIDATION_FAILED", "currency")


@pytest.mark.parametrize("missing", ["wallet_id", "currency", "amount"])
def test_every_field_is_needed(newcomer: ApiUser, missing: str) -> None:
    """A field that is not there is named; so is one that is not known."""
    body = {name: value for name, value in gift(newcomer).items() if name != missing}
    refused(newcomer.request("POST", FAUCET, body), 400, "VALIDATION_FAILED", missing)
    refused(newcomer.request("POST", FAUCET, gift(newcomer, tip="1")), 400, "VALIDATION_FAILED", "tip")


def test_anothers_wallet_gets_nothing(newcomer: ApiUser, merchant: ApiUser) -> None:
    """A foreign, an unknown and a malformed wallet are answered alike, and the foreign one stays as it was."""
    before = merchant.get(f"/v1/wallets/{merchant.wallet_id}/balances")
    wanted = [merchant.wallet_id, ids.new("wal", "us"), "nonsense", ""]
    absent(*(newcomer.request("POST", FAUCET, gift(newcomer, wallet_id=wallet_id)) for wallet_id in wanted))
    assert merchant.get(f"/v1/wallets/{merchant.wallet_id}/balances") == before


def test_a_balance_stays_below_2_to_the_256th(newcomer: ApiUser) -> None:
    """The largest amount fits; one more is refused and changes nothing; another currency has a balance of its own."""
    newcomer.post(FAUCET, gift(newcomer, amount=str(MAXIMUM)))
    entries = newcomer.get(f"/v1/wallets/{newcomer.wallet_id}/entries")
    for amount in ("1", str(MAXIMUM)):
        refused(newcomer.request("POST", FAUCET, gift(newcomer, amount=amount)), 409, "BALANCE_OVERFLOW")
    assert newcomer.balance("USDC") == MAXIMUM
    assert newcomer.get(f"/v1/wallets/{newcomer.wallet_id}/entries") == entries
    newcomer.post(FAUCET, gift(newcomer, currency="ETH"))
    assert newcomer.balance("ETH") == 5


def test_a_new_balance_does_not_overflow_in_a_race(isolated: IsolatedServices) -> None:
    """Of gifts that do not fit together, at the same moment to an empty wallet, one arrives; five times."""
    for _ in range(5):
        somebody = isolated.new_user()
        results = at_once([lambda: isolated.fund(somebody, MAXIMUM)] * 4)  # noqa: B023 - called at once
        assert sorted(type(result).__name__ for result in results) == ["BalanceOverflow"] * 3 + ["NoneType"]
        assert isolated.probe.money(somebody.wallet_id) == (MAXIMUM, 0)


def test_gifts_at_once_all_arrive(newcomer: ApiUser) -> None:
    """Twenty gifts at the same moment add up."""
    all_at_once([lambda: newcomer.post(FAUCET, gift(newcomer))] * 20)
    assert newcomer.balance("USDC") == 100


def test_an_idempotency_key_is_ignored(newcomer: ApiUser) -> None:
    """Two requests are two gifts: the route is not marked idempotent."""
    key = fresh_key()
    transfers = {newcomer.post(FAUCET, gift(newcomer), key=key)["id"] for _ in range(2)}
    assert (len(transfers), newcomer.balance("USDC")) == (2, 10)


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None], merchant: ApiUser) -> None:
    """wallet:write."""
    guarded("faucet", FAUCET, gift(merchant))
