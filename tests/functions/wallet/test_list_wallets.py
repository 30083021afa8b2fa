"""Listing wallets."""

from collections.abc import Callable, Iterator

import pytest

from emulators.demo.api_user import ApiUser
from functions.wallet.list_wallets import ListWallets
from functions.wallet.views import WalletView
from shared import ids
from shared.contracts.operations import Page
from tests.isolated_services import IsolatedServices, IsolatedUser
from tests.problems import refused

INSERT = """
    INSERT INTO wallets (id, user_id, name, address, chain_id, status, is_default, version, created_at, updated_at)
    VALUES (:id, :user_id, 'Another', :address, 1, 'open', false, 1, now(), now()) RETURNING id"""


def another_wallet(isolated: IsolatedServices, somebody: IsolatedUser) -> str:
    """A further wallet; no operation opens one yet."""
    wallet_id = ids.new("wal", "us")
    isolated.probe.rows("wallet", INSERT, id=wallet_id, user_id=somebody.user_id, address=somebody.address)
    return wallet_id


def pages(isolated: IsolatedServices, somebody: IsolatedUser, limit: int) -> Iterator[list[str]]:
    """The pages of somebody's wallets, by id."""
    cursor = None
    while True:
        request = ListWallets(limit=limit, cursor=cursor)
        page: Page[WalletView] = isolated.run("list_wallets", request=request, caller=somebody.caller)
        yield [wallet.id for wallet in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return


def test_a_new_user_has_one_wallet(buyer: ApiUser) -> None:
    """The list shows the same as the wallet itself, and nobody else's."""
    answer = buyer.get("/v1/wallets")
    assert answer == {"items": [buyer.get(f"/v1/wallets/{buyer.wallet_id}")], "next_cursor": None}


@pytest.mark.parametrize("limit", [1, 2, 5, 6, 100])
def test_pages_are_newest_first_and_complete(isolated: IsolatedServices, limit: int) -> None:
    """Every wallet is on exactly one page, full but for the last, whatever the limit."""
    somebody = isolated.new_user()
    expected = [somebody.wallet_id, *(another_wallet(isolated, somebody) for _ in range(5))]
    another_wallet(isolated, isolated.new_user())
    shown = list(pages(isolated, somebody, limit))
    assert sorted(expected, reverse=True) == [wallet_id for page in shown for wallet_id in page]
    assert all(len(page) == limit for page in shown[:-1])
    assert 0 < len(shown[-1]) <= limit


def test_a_page_is_stable_while_wallets_are_added(isolated: IsolatedServices) -> None:
    """What was there when the walk began is shown once; what is newer does not push it."""
    somebody = isolated.new_user()
    there = [somebody.wallet_id, *(another_wallet(isolated, somebody) for _ in range(3))]
    walk = pages(isolated, somebody, 2)
    seen = next(walk)
    another_wallet(isolated, somebody)
    assert sorted(there, reverse=True) == seen + [wallet_id for page in walk for wallet_id in page]


MALFORMED = [
    ("limit=0", "limit"),
    ("limit=101", "limit"),
    ("limit=-1", "limit"),
    ("limit=1.0", "limit"),
    ("limit=1e1", "limit"),
    ("limit=x", "limit"),
    ("limit=", "limit"),
    ("limit=%EF%BC%91", "limit"),
    ("limit=1&limit=2", "limit"),
    ("cursor=", "cursor"),
    ("cursor=nonsense", "cursor"),
    ("cursor=%00", "cursor"),
    ("cursor=d2FsX3VzXzAx", "cursor"),
    ("status=open", "status"),
]


def test_malformed_queries_are_refused(buyer: ApiUser, subtests: pytest.Subtests) -> None:
    """What is no limit from 1 to 100 and no cursor of ours, or not known at all, is named."""
    for query, field in MALFORMED:
        with subtests.test(query=query):
            refused(buyer.request("GET", f"/v1/wallets?{query}"), 400, "VALIDATION_FAILED", field)


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None]) -> None:
    """wallet:read."""
    guarded("list_wallets", "/v1/wallets")
