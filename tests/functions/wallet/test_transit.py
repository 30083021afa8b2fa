"""Money between cells: two cells on one server, between which the test hands over events."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

import pytest

from emulators.stack.stack import Stack
from functions.order.domain.order import Order
from functions.supply.views import SupplyView
from functions.wallet.domain.errors import InsufficientFunds, NotReversible, SpansCells, WalletIsClosed
from functions.wallet.domain.transit import stream_of
from functions.wallet.requests import Adjustment, CreateTransfer, PostTransfers
from functions.wallet.reverse_transfer import ReverseTransfer
from shared import ids
from shared.contracts.events import StoredEvent
from shared.contracts.gen.wallet_pb2 import (
    AuditTransitsRequest,
    AuditTransitsResponse,
    ReferPayoutRequest,
    ReferPayoutResponse,
)
from shared.errors import NotFound, Unavailable
from shared.money import MAXIMUM, Amount
from tests.isolated_services import IsolatedServices, IsolatedUser
from tests.races import all_at_once


class TwoCells:
    """The cells us and eu, each with services and databases of its own; their wallet services can call each other."""

    def __init__(self, us: IsolatedServices, eu: IsolatedServices) -> None:
        self.us, self.eu = us, eu

    def sent(self) -> list[StoredEvent]:
        """What us has sent to eu."""
        return self.us.stream(stream_of("us", "eu"))

    def hand_over(self) -> list[str]:
        """Deliver all of it to eu, in order."""
        return [self.eu.receive("receive_transit", event) for event in self.sent()]

    def under_way(self, currency: str = "USDC") -> int:
        """What has left one of the two cells for the other and not arrived yet, by their transit accounts."""
        sql = "SELECT sum(amount) AS sum FROM entries WHERE starts_with(account, 'transit:') AND currency = :c"
        return sum(int(cell.probe.rows("wallet", sql, c=currency)[0]["sum"] or 0) for cell in (self.us, self.eu))

    def send(self, payer: IsolatedUser, payee: IsolatedUser, amount: int, reference: str = "") -> Any:
        """Send from us to eu."""
        request = CreateTransfer(payer.wallet_id, payee.wallet_id, "USDC", Amount(amount), reference)
        return self.us.run("create_transfer", request=request, caller=payer.caller)

    def violations(self) -> list[str]:
        """The violated invariants within the cells, and between them."""
        return self.us.violations() + self.eu.violations() + self.between()

    def between(self) -> list[str]:
        """What eu has received and us has not sent."""
        audited: AuditTransitsResponse = self.eu.run("audit_transits", request=AuditTransitsRequest())
        assert list(audited.checked) == ["received_is_a_prefix_of_sent"]
        return [f"{each.invariant}: {each.subject} {each.detail}" for each in audited.violations]


@pytest.fixture(scope="module")
def cells(stack: Stack) -> Iterator[TwoCells]:
    """Two cells."""
    with IsolatedServices.within(stack, "us") as us, IsolatedServices.within(stack, "eu") as eu:
        us.meet(eu)
        eu.meet(us)
        yield TwoCells(us, eu)


@pytest.fixture(autouse=True)
def _sound(cells: TwoCells) -> Iterator[None]:
    """After each test, everything that was sent has arrived, and every invariant holds."""
    yield
    cells.hand_over()
    cells.eu.run("credit_transits")
    assert cells.violations() == []
    assert cells.under_way() == 0


def foreign_supply(cells: TwoCells, merchant: IsolatedUser, **terms: Any) -> SupplyView:
    """A supply for sale in us, of a merchant of eu, as eu's are known here."""
    supply = cells.us.sell(cells.us.new_user(), **terms)
    sql = "UPDATE supplies SET merchant_id = :merchant, payout_wallet_id = :wallet WHERE id = :id"
    cells.us.tamper("supply", sql, merchant=merchant.user_id, wallet=merchant.wallet_id, id=supply.id)
    return supply


def claimed(cells: TwoCells, buyer: IsolatedUser, supply: SupplyView) -> Order:
    """An order of the buyer's cell that the merchant is due the money of."""
    order = cells.us.buy(buyer, (supply, 1))
    return cells.us.record(order, order.claim(ids.sibling(order.id, "clm")))


def test_a_merchant_of_another_cell_is_paid_once(cells: TwoCells) -> None:
    """Escrow and fee stay in the order's cell; the rest arrives once, however often it is told."""
    merchant, buyer = cells.eu.new_user(), cells.us.new_user(USDC=1000)
    order = claimed(cells, buyer, foreign_supply(cells, merchant))
    assert set(cells.us.deliver("settle_order", order.id)) == {"applied"}
    postings = [
        (account, amount) for kind, account, _, amount in cells.us.probe.postings(order.id) if kind == "settlement"
    ]
    assert sorted(postings) == [("escrow", -1000), ("fees", 25), ("transit:eu", 975)]
    assert cells.us.probe.account(order.id).escrow == "settled"
    assert (cells.under_way(), cells.eu.probe.money(merchant.wallet_id)) == (975, (0, 0))

    *_, event = cells.sent()
    assert event.data["order_id"] == order.id
    received = all_at_once([lambda: cells.eu.receive("receive_transit", event)] * 8)
    assert sorted(received) == ["applied"] + ["known"] * 7
    assert set(cells.us.deliver("settle_order", order.id)) == {"known"}
    assert cells.sent()[-1] == event
    assert cells.eu.probe.money(merchant.wallet_id) == (975, 0)

    (entry,) = cells.eu.run("list_entries", request=_entries(merchant), caller=merchant.caller).items
    assert (entry.kind, entry.reference) == ("settlement", order.id)
    (posted,) = cells.eu.stream(entry.transfer_id)
    assert posted.data["user_ids"] == [merchant.user_id]


def _entries(user: IsolatedUser) -> Any:
    from functions.wallet.list_entries import ListEntries

    return ListEntries(wallet_id=user.wallet_id)


def test_a_transfer_reaches_a_wallet_of_another_cell(cells: TwoCells) -> None:
    """Its answer names both wallets; sender and receiver see each other's, and the note."""
    payer, payee = cells.us.new_user(USDC=10), cells.eu.new_user()
    view = cells.send(payer, payee, 7, "lunch")
    assert (view.from_wallet_id, view.to_wallet_id, view.amount, view.reference) == (
        payer.wallet_id,
        payee.wallet_id,
        7,
        "lunch",
    )
    assert (cells.us.probe.money(payer.wallet_id), cells.under_way()) == ((3, 0), 7)
    cells.hand_over()
    assert (cells.eu.probe.money(payee.wallet_id), cells.under_way()) == ((7, 0), 0)
    (entry,) = cells.eu.run("list_entries", request=_entries(payee), caller=payee.caller).items
    assert (entry.kind, entry.reference, entry.amount) == ("transfer", "lunch", 7)
    (told,) = cells.eu.stream(entry.transfer_id)
    assert [leg["counterpart"] for leg in told.data["postings"]] == [payer.wallet_id, ""]


def test_nobody_sends_more_than_they_have(cells: TwoCells) -> None:
    """A refused transfer sends nothing: the stream has no further version."""
    payer, payee, before = cells.us.new_user(USDC=6), cells.eu.new_user(), len(cells.sent())
    with pytest.raises(InsufficientFunds):
        cells.send(payer, payee, 7)
    assert len(cells.sent()) == before


def test_the_payee_has_to_be_there(cells: TwoCells) -> None:
    """An unknown wallet of another cell, or of no cell of this deployment, is 404; a closed one 409."""
    payer, payee = cells.us.new_user(USDC=10), cells.eu.new_user()
    for unknown in (ids.new("wal", "eu"), ids.new("wal", "as")):
        with pytest.raises(NotFound):
            cells.send(payer, replace(payee, wallet_id=unknown), 7)
    spare = cells.eu.spare(payee)
    cells.eu.run("close_wallet", request=_closing(spare), caller=spare.caller)
    with pytest.raises(WalletIsClosed):
        cells.send(payer, spare, 7)


def _closing(user: IsolatedUser) -> Any:
    from functions.wallet.close_wallet import CloseWallet

    return CloseWallet(user.wallet_id)


def test_a_cell_that_cannot_be_asked_is_503(cells: TwoCells) -> None:
    """Money is not sent to a wallet that nobody has vouched for; nothing moves."""
    payer, payee = cells.us.new_user(USDC=10), cells.eu.new_user()
    with cells.us.apart("eu"), pytest.raises(Unavailable):
        cells.send(payer, payee, 7)
    assert cells.us.probe.money(payer.wallet_id) == (10, 0)


def test_a_wallet_that_closes_meanwhile_has_its_owner_paid(cells: TwoCells) -> None:
    """Its owner's default wallet is credited, and the event says in place of which."""
    payer, payee = cells.us.new_user(USDC=10), cells.eu.new_user()
    spare = cells.eu.spare(payee)
    cells.send(payer, spare, 7)
    cells.eu.run("close_wallet", request=_closing(spare), caller=spare.caller)
    cells.hand_over()
    assert cells.eu.probe.money(payee.wallet_id) == (7, 0)
    (entry,) = cells.eu.run("list_entries", request=_entries(payee), caller=payee.caller).items
    (told,) = cells.eu.stream(entry.transfer_id)
    assert told.data["postings"][1]["in_place_of"] == spare.wallet_id


def test_a_wallet_without_room_holds_up_nobody(cells: TwoCells) -> None:
    """What would overflow waits; what comes after it arrives, and it is credited as soon as there is room."""
    payer, full, other = cells.us.new_user(USDC=20), cells.eu.new_user(USDC=MAXIMUM - 5), cells.eu.new_user()
    cells.send(payer, full, 7)
    cells.send(payer, other, 8)
    cells.hand_over()
    assert cells.eu.probe.money(full.wallet_id) == (MAXIMUM - 5, 0)
    assert cells.eu.probe.money(other.wallet_id) == (8, 0)
    assert cells.under_way() == 7
    assert cells.eu.run("credit_transits") == {"credited": 0, "failed": 1}
    assert len(cells.eu.failing("wallet", "credit_transits")) == 1

    sink = cells.eu.new_user()
    request = CreateTransfer(full.wallet_id, sink.wallet_id, "USDC", Amount(100))
    cells.eu.run("create_transfer", request=request, caller=full.caller)
    with cells.eu.later(timedelta(minutes=10)):
        assert cells.eu.run("credit_transits") == {"credited": 1, "failed": 0}
    assert cells.eu.probe.money(full.wallet_id) == (MAXIMUM - 98, 0)
    assert cells.eu.failing("wallet", "credit_transits") == []


def test_a_wallet_that_is_missing_holds_up_nobody(cells: TwoCells) -> None:
    """A wallet that a failover has undone is not credited to anybody else; the default one that returns is."""
    payer, payee = cells.us.new_user(USDC=20), cells.eu.new_user()
    gone = cells.eu.spare(payee)
    cells.send(payer, gone, 7)
    sql = "UPDATE wallets SET id = :other, user_id = :user, is_default = false WHERE id = :id"
    other = {"other": ids.new("wal", "eu"), "user": ids.new("usr", "eu")}
    cells.eu.tamper("wallet", sql, **other, id=gone.wallet_id)
    cells.eu.tamper(
        "wallet", "UPDATE wallets SET user_id = :user WHERE id = :id", user=other["user"], id=payee.wallet_id
    )
    cells.hand_over()
    assert cells.under_way() == 7
    cells.eu.tamper(
        "wallet", "UPDATE wallets SET user_id = :user WHERE id = :id", user=payee.user_id, id=payee.wallet_id
    )
    assert cells.eu.run("credit_transits")["credited"] == 1
    assert cells.eu.probe.money(payee.wallet_id) == (7, 0)


@pytest.mark.parametrize("seed", range(4))
def test_any_order_any_number_of_times(cells: TwoCells, seed: int) -> None:
    """Money that is sent by many at once, and told in any order, again and with losses, arrives once and wholly."""
    random = Random(seed)
    payers, payee = [cells.us.new_user(USDC=50) for _ in range(6)], cells.eu.new_user()
    before = len(cells.sent())
    all_at_once([partial(cells.send, payer, payee, 5) for payer in payers * 3])
    told = cells.sent()[before:] * 2
    assert [event.version for event in cells.sent()] == list(range(1, before + 19))
    random.shuffle(told)
    for event in random.sample(told, 24):
        cells.eu.receive("receive_transit", event)
    cells.hand_over()  # what a comparison finds missing is read in order
    assert cells.eu.probe.money(payee.wallet_id) == (90, 0)


def test_operators_transfers_span_no_cells(cells: TwoCells) -> None:
    """409 for a wallet of another cell, and for the reversal of what has crossed, on either side."""
    payer, payee = cells.us.new_user(USDC=10), cells.eu.new_user()
    adjustment = Adjustment(payer.wallet_id, payee.wallet_id, "USDC", Amount(1))
    with pytest.raises(SpansCells):
        cells.us.run("post_transfers", request=PostTransfers([adjustment]), caller=payer.caller)
    view = cells.send(payer, payee, 7)
    cells.hand_over()
    (entry,) = cells.eu.run("list_entries", request=_entries(payee), caller=payee.caller).items
    for cell, transfer_id in ((cells.us, view.id), (cells.eu, entry.transfer_id)):
        with pytest.raises(NotReversible):
            cell.run("reverse_transfer", request=ReverseTransfer(transfer_id), caller=payer.caller)


def test_a_refund_never_crosses(cells: TwoCells) -> None:
    """An order of another cell's merchant is refunded where it was paid."""
    merchant, buyer = cells.eu.new_user(), cells.us.new_user(USDC=1000)
    order, before = cells.us.buy(buyer, (foreign_supply(cells, merchant), 1)), len(cells.sent())
    cells.us.orders.wallet.refund(order)
    assert cells.us.probe.money(buyer.wallet_id) == (1000, 0)
    assert len(cells.sent()) == before


def test_a_supply_pays_out_where_it_is_at_home(cells: TwoCells) -> None:
    """A wallet of another cell is nobody's here: a supply cannot name it, and references stay in one cell."""
    merchant = cells.eu.new_user()
    request = ReferPayoutRequest(supply_id=ids.new("sup", "us"), user_id=merchant.user_id, wallet_id=merchant.wallet_id)
    with pytest.raises(NotFound):
        cells.us.rpc("wallet", "supply").call("Wallet.ReferPayout", request, ReferPayoutResponse)


def test_an_audit_finds_what_differs_between_cells(cells: TwoCells) -> None:
    """Another amount than was sent, or what was never sent, is a violation; an unreachable giver is unchecked."""
    payer, payee = cells.us.new_user(USDC=10), cells.eu.new_user()
    cells.send(payer, payee, 7)
    cells.hand_over()
    version = len(cells.sent())
    change = "UPDATE transit_arrivals SET amount = amount + :by WHERE giver = 'us' AND version = :version"
    cells.eu.tamper("wallet", change, by=1, version=version)
    (found,) = cells.between()
    assert "differ in what they say" in found
    cells.eu.tamper("wallet", change, by=-1, version=version)

    sql = "UPDATE events SET version = version + :by WHERE stream = 'trn_us_eu' AND version = :version"
    cells.us.tamper("wallet", sql, by=1000, version=version)
    (found,) = cells.between()
    assert f"up to version {version}, {version - 1} were sent" in found
    cells.us.tamper("wallet", sql, by=-1000, version=version + 1000)
    with cells.eu.apart("us"):
        audited = cells.eu.run("audit_transits", request=AuditTransitsRequest())
    assert (list(audited.checked), list(audited.unchecked)) == ([], ["received_is_a_prefix_of_sent (us)"])
