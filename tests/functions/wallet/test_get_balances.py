"""What a wallet holds."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any
from urllib.parse import quote

import pytest

from emulators.buyer import Person
from functions.wallet.get_balances import GetBalances
from functions.wallet.views import BalancesView
from shared import ids
from shared.contracts.gen.wallet_pb2 import PlaceHoldRequest
from tests.conftest import FUNDS
from tests.functions.wallet.holds import a_hold, place, release
from tests.island import Island, Islander
from tests.problems import absent, refused

Picture = tuple[int, int, int, list[tuple[str, int]]]


def picture(island: Island, somebody: Islander, at: datetime | None = None, currency: str = "USDC") -> Picture:
    """Posted, held, available, and the holds by id with their amounts; zeros where there is no balance."""
    request = GetBalances(somebody.wallet_id, at)
    view: BalancesView = island.run("get_balances", request=request, caller=somebody.caller)
    holds = [(hold.id, int(hold.amount)) for hold in view.holds if hold.currency == currency]
    found = [balance for balance in view.balances if balance.currency == currency]
    if not found:
        return 0, 0, 0, holds
    return int(found[0].posted), int(found[0].held), int(found[0].available), holds


def named(hold: PlaceHoldRequest.Hold) -> tuple[str, int]:
    return hold.hold_id, int(hold.amount)


def balances_at(person: Person, at: str) -> Any:
    return person.request("GET", f"/v1/wallets/{person.wallet_id}/balances?at={quote(at, safe='')}")


def test_an_empty_wallet_has_no_balances(anyone: Callable[[], Person]) -> None:
    """A currency shows once the wallet has had some."""
    person = anyone()
    assert person.get(f"/v1/wallets/{person.wallet_id}/balances") == {
        "wallet_id": person.wallet_id,
        "version": 0,
        "balances": [],
        "holds": [],
    }


def test_balances_are_decimal_strings_per_currency(buyer: Person) -> None:
    """Each currency is by itself, and nothing is held of new funds."""
    answer = buyer.get(f"/v1/wallets/{buyer.wallet_id}/balances")
    funds = {"posted": str(FUNDS), "held": "0", "available": str(FUNDS)}
    assert answer["balances"] == [{"currency": "ETH", **funds}, {"currency": "USDC", **funds}]
    assert answer["holds"] == []


def test_holds_are_shown_with_what_they_set_aside(island: Island) -> None:
    """posted, held, available and the holds tell one story, and every change of it has a version of its own."""
    somebody = island.islander(USDC=100, ETH=7)
    first, second, other = a_hold(somebody, 30), a_hold(somebody, 20), a_hold(somebody, 7, "ETH")
    assert place(island, first, second, other) == ["", "", ""]
    assert picture(island, somebody) == (100, 50, 50, sorted([named(first), named(second)]))
    assert picture(island, somebody, currency="ETH") == (7, 7, 0, [named(other)])
    request = GetBalances(somebody.wallet_id)
    before: BalancesView = island.run("get_balances", request=request, caller=somebody.caller)
    assert {hold.order_id for hold in before.holds} == {first.order_id, second.order_id, other.order_id}
    release(island, first)
    assert picture(island, somebody) == (100, 20, 80, [named(second)])
    after: BalancesView = island.run("get_balances", request=request, caller=somebody.caller)
    assert after.version > before.version


def test_every_picture_is_consistent_while_holds_come_and_go(island: Island) -> None:
    """Whenever one looks, what is held is the sum of the holds that are shown, and nothing is missing from the rest."""
    somebody = island.islander(USDC=1000)
    done = Event()

    def come_and_go() -> None:
        while not done.is_set():
            holds = [a_hold(somebody, amount) for amount in (1, 20, 300)]
            place(island, *holds)
            release(island, *holds)

    threads = [Thread(target=come_and_go) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        pictures = [picture(island, somebody) for _ in range(100)]
    finally:
        done.set()
        for thread in threads:
            thread.join()
    for posted, held, available, holds in pictures:
        assert (posted, held, available) == (1000, sum(amount for _, amount in holds), 1000 - held)
    assert len({held for _, held, _, _ in pictures}) > 1


def test_the_past_is_as_it_was(island: Island) -> None:
    """At each past time the balances and holds are those of then, whatever has become of them since."""
    merchant, somebody = island.islander(), island.islander()
    moments = [datetime.now(UTC)]
    pictures: list[Picture] = [(0, 0, 0, [])]

    def remember() -> None:
        pictures.append(picture(island, somebody))
        moments.append(datetime.now(UTC))

    island.fund(somebody, 5000)
    remember()
    order = island.place(somebody, (island.sell(merchant), 2))
    assert island.orders.wallet.hold(order) is None
    remember()
    assert place(island, a_hold(somebody, 7)) == [""]
    remember()
    island.record(order, order.confirm())
    island.deliver("capture_hold", order.id)
    remember()
    island.fund(somebody, 1)
    remember()
    assert [(posted, held) for posted, held, *_ in pictures] == [
        (0, 0), (5000, 0), (5000, 2000), (5000, 2007), (3000, 7), (3001, 7),
    ]  # fmt: skip
    assert [picture(island, somebody, at) for at in moments] == pictures
    assert picture(island, somebody, datetime(1, 1, 1, tzinfo=UTC)) == (0, 0, 0, [])
    offset = moments[3].astimezone(tz=None).astimezone()
    assert picture(island, somebody, offset) == pictures[3]


def test_the_past_has_its_own_version(island: Island) -> None:
    """Each change is one version more, and a past time shows the version of then, not today's."""
    somebody, friend = island.islander(), island.islander(USDC=1)
    moments, versions = [datetime.now(UTC)], [0]

    def version(at: datetime | None = None) -> int:
        request = GetBalances(somebody.wallet_id, at)
        return int(island.run("get_balances", request=request, caller=somebody.caller).version)

    def remember() -> None:
        versions.append(version())
        moments.append(datetime.now(UTC))

    island.fund(somebody, 5000)
    remember()
    holds = [a_hold(somebody, 7) for _ in range(3)]
    assert place(island, *holds) == ["", "", ""]
    remember()
    release(island, *holds[:2])
    remember()
    island.fund(somebody, 5, "ETH")
    island.fund(friend, 5)
    remember()
    assert versions == [0, 1, 4, 6, 7]
    assert [version(at) for at in moments] == versions
    assert island.violations() == []


def test_the_past_is_asked_for_in_any_offset(buyer: Person) -> None:
    """A time is the same with Z and with an offset; the funds are not there before they came."""
    now = datetime.now(UTC)
    for at in (now.isoformat(), now.strftime("%Y-%m-%dT%H:%M:%SZ"), (now - timedelta(hours=1)).isoformat()):
        assert balances_at(buyer, at).status_code == 200
    for long_ago in ("2020-02-29T23:59:59+05:30", "1969-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59"):
        before = balances_at(buyer, long_ago).json()
        assert all(balance["posted"] == "0" for balance in before["balances"])
    present = balances_at(buyer, datetime.now(UTC).isoformat()).json()
    assert {balance["posted"] for balance in present["balances"]} == {str(FUNDS)}


@pytest.mark.parametrize(
    "at",
    [
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
    ],
)
def test_what_is_no_past_time_is_refused(buyer: Person, at: str) -> None:
    """The future, a time without offset, one that never was, and whatever is not RFC 3339."""
    refused(balances_at(buyer, at), 400, "VALIDATION_FAILED", "at")


def test_anothers_balances_are_not_there(buyer: Person, merchant: Person) -> None:
    """A foreign, an unknown and a malformed wallet are answered alike, with a past time too."""
    wanted = [merchant.wallet_id, ids.new("wal", "us"), "nonsense"]
    past = "?at=2026-01-01T00:00:00Z"
    absent(*(buyer.request("GET", f"/v1/wallets/{w}/balances{q}") for w in wanted for q in ("", past)))


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None], merchant: Person) -> None:
    """wallet:read."""
    guarded("get_balances", f"/v1/wallets/{merchant.wallet_id}/balances")
