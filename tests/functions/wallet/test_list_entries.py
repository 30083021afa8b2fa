"""A wallet's ledger."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser
from functions.wallet.list_entries import ListEntries
from functions.wallet.views import EntryView
from shared import ids
from shared.contracts.operations import Page
from tests.conftest import FUNDS
from tests.isolated_services import IsolatedServices
from tests.problems import absent, refused
from tests.races import all_at_once

Entry = dict[str, Any]


def fund(person: ApiUser, amount: int) -> None:
    person.post("/v1/local/faucet", {"wallet_id": person.wallet_id, "currency": "USDC", "amount": str(amount)})


def walk(person: ApiUser, limit: int, after_each: Callable[[], None] = lambda: None) -> list[Entry]:
    """All entries, page by page."""
    found: list[Entry] = []
    cursor = ""
    while True:
        page = person.get(f"/v1/wallets/{person.wallet_id}/entries?limit={limit}{cursor}")
        found += page["items"]
        assert len(page["items"]) <= limit
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"
        after_each()


def test_an_empty_wallet_has_no_entries(anyone: Callable[[], ApiUser]) -> None:
    """The list is empty and ends."""
    person = anyone()
    assert person.get(f"/v1/wallets/{person.wallet_id}/entries") == {"items": [], "next_cursor": None}


def test_a_purchase_is_in_the_ledger(
    buyer: ApiUser, on_sale: Callable[..., Any], paid_order: Callable[..., Any]
) -> None:
    """The payment is the newest entry: negative, with the balance that it left and its order for a reference."""
    order = paid_order(buyer, on_sale(unit_price="1000"), 3)
    newest, *rest = buyer.get(f"/v1/wallets/{buyer.wallet_id}/entries")["items"]
    assert set(newest) == {
        "id", "transfer_id", "currency", "amount", "balance_after", "kind", "reference", "created_at",
    }  # fmt: skip
    assert (newest["kind"], newest["currency"]) == ("capture", "USDC")
    assert (newest["amount"], newest["balance_after"]) == ("-3000", str(FUNDS - 3000))
    assert newest["reference"] == order["id"]
    assert [(entry["kind"], entry["amount"]) for entry in rest] == [("faucet", str(FUNDS))] * 2


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_are_newest_first_and_stable_while_entries_are_added(anyone: Callable[[], ApiUser], limit: int) -> None:
    """What was there when the walk began is shown once, newest first; what comes meanwhile does not push it."""
    person = anyone()
    for amount in range(1, 6):
        fund(person, amount)
    shown = walk(person, limit, after_each=lambda: fund(person, 100))
    assert [entry["amount"] for entry in shown] == ["5", "4", "3", "2", "1"]
    assert [entry["balance_after"] for entry in shown] == ["15", "10", "6", "3", "1"]


def test_each_balance_follows_from_the_one_before_under_load(isolated: IsolatedServices) -> None:
    """However many payments and gifts meet at one wallet, its ledger reads as if they had come one after the other."""
    merchant, somebody = isolated.new_user(), isolated.new_user(USDC=1_000_000)
    supply = isolated.sell(merchant, quantity=100)
    orders = [isolated.confirm(isolated.place(somebody, (supply, count))) for count in range(1, 13)]
    captures = [partial(isolated.deliver, "capture_hold", order.id) for order in orders]
    gifts = [partial(isolated.fund, somebody, amount) for amount in range(1, 9)]
    calls: list[Callable[[], object]] = [*captures, *gifts]
    all_at_once(calls)
    request = ListEntries(wallet_id=somebody.wallet_id, limit=100)
    page: Page[EntryView] = isolated.run("list_entries", request=request, caller=somebody.caller)
    assert len(page.items) == 1 + 12 + 8
    balance = 0
    for entry in reversed(page.items):
        balance += entry.amount
        assert entry.balance_after == balance
    assert balance == 1_000_000 - 1000 * sum(range(1, 13)) + sum(range(1, 9))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=1e1", "limit"),
        ("cursor=nonsense", "cursor"),
        ("cursor=", "cursor"),
        ("since=1", "since"),
    ],
)
def test_malformed_queries_are_refused(buyer: ApiUser, query: str, field: str) -> None:
    """What is no limit from 1 to 100 and no cursor of ours, or not known at all, is named."""
    response = buyer.request("GET", f"/v1/wallets/{buyer.wallet_id}/entries?{query}")
    refused(response, 400, "VALIDATION_FAILED", field)


def test_a_cursor_of_another_list_is_refused(buyer: ApiUser, merchant: ApiUser, on_sale: Callable[..., Any]) -> None:
    """A cursor belongs to the kind of list that it came from."""
    on_sale(), on_sale()
    cursor = merchant.get("/v1/supplies?limit=1")["next_cursor"]
    response = buyer.request("GET", f"/v1/wallets/{buyer.wallet_id}/entries?cursor={cursor}")
    refused(response, 400, "VALIDATION_FAILED", "cursor")


def test_anothers_ledger_is_not_there(buyer: ApiUser, merchant: ApiUser) -> None:
    """A foreign, an unknown and a malformed wallet are answered alike."""
    wanted = [merchant.wallet_id, ids.new("wal", "us"), "nonsense"]
    absent(*(buyer.request("GET", f"/v1/wallets/{wallet_id}/entries") for wallet_id in wanted))


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None], merchant: ApiUser) -> None:
    """wallet:read."""
    guarded("list_entries", f"/v1/wallets/{merchant.wallet_id}/entries")
