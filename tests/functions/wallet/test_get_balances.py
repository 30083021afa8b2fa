"""What a wallet holds."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any
from urllib.parse import quote

import pytest

from emulators.demo.api_user import ApiUser
from functions.wallet.get_balances import GetBalances
from functions.wallet.views import BalancesView
from shared import ids
from shared.contracts.gen.wallet_pb2 import PlaceHoldRequest
from tests.conftest import FUNDS
from tests.functions.wallet.holds import a_hold, place, release
from tests.isolated_services import IsolatedServices, IsolatedUser
from tests.problems import absent, refused

Picture = tuple[int, int, int, list[tuple[str, int]]]


def picture(
    isolated: IsolatedServices, somebody: IsolatedUser, at: datetime | None = None, currency: str = "USDC"
) -> Picture:
    """Posted, held, available, and the holds by id with their amounts; zeros where there is no balance."""
    request = GetBalances(somebody.wallet_id, at)
    view: BalancesView = isolated.run("get_balances", request=request, caller=somebody.caller)
    holds = [(hold.id, int(hold.amount)) for hold in view.holds if hold.currency == currency]
    found = [balance for balance in view.balances if balance.currency == currency]
    if not found:
        return 0, 0, 0, holds
    return int(found[0].posted), int(found[0].held), int(found[0].available), holds


def named(hold: PlaceHoldRequest.Hold) -> tuple[str, int]:
    return hold.hold_id, int(hold.amount)


def balances_at(person: ApiUser, at: str) -> Any:
    return person.request("GET", f"/v1/wallets/{person.wallet_id}/balances?at={quote(at, safe='')}")


def test_an_empty_wallet_has_no_balances(anyone: Callable[[], ApiUser]) -> None:
    """A currency shows once the wallet has had some."""
    person = anyone()
    assert person.get(f"/v1/wallets/{person.wallet_id}/balances") == {
        "wallet_id": person.wallet_id,
        "version": 0,
        "balances": [],
        "holds": [],
    }


def test_balances_are_decimal_strings_per_currency(buyer: ApiUser) -> None:
    """Each currency is by itself, and nothing is held of new funds."""
    answer = buyer.get(f"/v1/wallets/{buyer.wallet_id}/balances")
    funds = {"posted": str(FUNDS), "held": "0", "available": str(FUNDS)}
    assert answer["balances"] == [{"currency": "ETH", **funds}, {"currency": "USDC", **funds}]
    assert answer["holds"] == []


def test_holds_are_shown_with_what_they_set_aside(isolated: IsolatedServices) -> None:
    """posted, held, available and the holds are consistent, and every change has a version of its own."""
    somebody = isolated.new_user(USDC=100, ETH=7)
    first, second, other = a_hold(somebody, 30), a_hold(somebody, 20), a_hold(somebody, 7, "ETH")
    assert place(isolated, first, second, other) == ["", "", ""]
    assert picture(isolated, somebody) == (100, 50, 50, sorted([named(first), named(second)]))
    assert picture(isolated, somebody, currency="ETH") == (7, 7, 0, [named(other)])
    request = GetBalances(somebody.wallet_id)
    before: BalancesView = isolated.run("get_balances", request=request, caller=somebody.caller)
    assert {hold.order_id for hold in before.holds} == {first.order_id, second.order_id, other.order_id}
    release(isolated, first)
    assert picture(isolated, somebody) == (100, 20, 80, [named(second)])
    after: BalancesView = isolated.run("get_balances", request=request, caller=somebody.caller)
    assert after.version > before.version


def test_every_picture_is_consistent_while_holds_come_and_go(isolated: IsolatedServices) -> None:
    """Whenever one looks, what is held is the sum of the holds that are shown, and nothing is missing from the rest."""
    somebody = isolated.new_user(USDC=1000)
    done = Event()

    def come_and_go() -> None:
        while not done.is_set():
            holds = [a_hold(somebody, amount) for amount in (1, 20, 300)]
            place(isolated, *holds)
            release(isolated, *holds)

    threads = [Thread(target=come_and_go) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        pictures = [picture(isolated, somebody) for _ in range(100)]
    finally:
        done.set()
        for thread in threads:
            thread.join()
    for posted, held, available, holds in pictures:
        assert (posted, held, available) == (1000, sum(amount for _, amount in holds), 1000 - held)
    assert len({held for _, held, _, _ in pictures}) > 1


def test_the_past_is_as_it_was(isolated: IsolatedServices) -> None:
    """At each past time the balances and holds are those of then, whatever has become of them since."""
    merchant, somebody = isolated.new_user(), isolated.new_user()
    moments = [datetime.now(UTC)]
    pictures: list[Picture] = [(0, 0, 0, [])]

    def remember() -> None:
        pictures.append(picture(isolated, somebody))
        moments.append(datetime.now(UTC))

    isolated.fund(somebody, 5000)
    remember()
    order = isolated.place(somebody, (isolated.sell(merchant), 2))
    assert isolated.orders.wallet.hold([order])[0] is None
    remember()
    assert place(isolated, a_hold(somebody, 7)) == [""]
    remember()
    isolated.record(order, order.confirm())
    isolated.deliver("capture_hold", order.id)
    remember()
    isolated.fund(somebody, 1)
    remember()
    assert [(posted, held) for posted, held, *_ in pictures] == [
        (0, 0), (5000, 0), (5000, 2000), (5000, 2007), (3000, 7), (3001, 7),
    ]  # fmt: skip
    assert [picture(isolated, somebody, at) for at in moments] == pictures
    assert picture(isolated, somebody, datetime(1, 1, 1, tzinfo=UTC)) == (0, 0, 0, [])
    offset = moments[3].astimezone(tz=None).astimezone()
    assert picture(isolated, somebody, offset) == pictures[3]


def test_the_past_has_its_own_version(isolated: IsolatedServices) -> None:
    """Each change is one version more, and a past time shows the version of then, not today's."""
    somebody, friend = isolated.new_user(), isolated.new_user(USDC=1)
    moments, versions = [datetime.now(UTC)], [0]

    def version(at: datetime | None = None) -> int:
        request = GetBalances(somebody.wallet_id, at)
        return int(isolated.run("get_balances", request=request, caller=somebody.caller).version)

    def remember() -> None:
        versions.append(version())
        moments.append(datetime.now(UTC))

    isolated.fund(somebody, 5000)
    remember()
    holds = [a_hold(somebody, 7) for _ in range(3)]
    assert place(isolated, *holds) == ["", "", ""]
    remember()
    release(isolated, *holds[:2])
    remember()
    isolated.fund(somebody, 5, "ETH")
    isolated.fund(friend, 5)
    remember()
    assert versions == [0, 1, 4, 6, 7]
    assert [version(at) for at in moments] == versions
    assert isolated.violations() == []


def test_the_past_is_asked_for_in_any_offset(buyer: ApiUser) -> None:
    """A time is the same with Z and with an offset; the funds are not there before they came."""
    now = datetime.now(UTC)
    for at in (now.isoformat(), now.strftime("%Y-%m-%dT%H:%M:%SZ"), (now - timedelta(hours=1)).isoformat()):
        assert balances_at(buyer, at).status_code == 200
    for long_ago in ("2020-02-29T23:59:59+05:30", "1969-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59"):
        before = balances_at(buyer, long_ago).json()
        assert all(balance["posted"] == "0" for balance in before["balances"])
    present = balances_at(buyer, datetime.now(UTC).isoformat()).json()
    assert {balance["posted"] for balance in present["balances"]} == {str(FUNDS)}


NOT_PAST = [
    "2999-01-01T00:00:00Z",
    "9999-12-31T23:59:59-23:59",
    "2026-01-01T00:00:00",
    "2026-01-01",
    "2026-13-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "1700000000",
    "0",
    "null",
    "yesterday",
    "",
    "\x00",
]


def test_what_is_no_past_time_is_refused(buyer: ApiUser, subtests: pytest.Subtests) -> None:
    """The future, a time without offset, one that never was, and whatever is not RFC 3339."""
    for at in NOT_PAST:
        with subtests.test(at=at):
            refused(balances_at(buyer, at), 400, "VALIDATION_FAILED", "at")


def test_anothers_balances_are_not_there(buyer: ApiUser, merchant: ApiUser) -> None:
    """A foreign, an unknown and a malformed wallet are answered alike, with a past time too."""
    wanted = [merchant.wallet_id, ids.new("wal", "us"), "nonsense"]
    past = "?at=2026-01-01T00:00:00Z"
    absent(*(buyer.request("GET", f"/v1/wallets/{w}/balances{q}") for w in wanted for q in ("", past)))


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None], merchant: ApiUser) -> None:
    """wallet:read."""
    guarded("get_balances", f"/v1/wallets/{merchant.wallet_id}/balances")
