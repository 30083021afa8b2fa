"""Refunds: the money or the claim, never both, wherever a refund crashes and whatever it races."""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from itertools import product
from threading import Barrier
from typing import Any

import httpx
import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from functions.order.adapters.work import Work
from functions.order.refund_order import refund_order
from functions.order.requests import RefundOrder
from shared import ids
from shared.contracts.operations import Caller
from shared.errors import Contended, Unavailable
from shared.idempotency import Key, fingerprint
from shared.resources import Resources
from tests.conftest import FUNDS
from tests.database_probe import DatabaseProbe, Stock
from tests.functions.order.conftest import MINUTE_AGO
from tests.functions.order.refunds import REFUNDS, Refund, bought
from tests.functions.order.scenes import CRASHED
from tests.functions.order.steps import Crash, Disturbance, Moment, SteppedWork, Steps
from tests.problems import refused
from tests.races import all_at_once
from tests.triggers import Triggers

MOMENTS: tuple[Moment, ...] = ("before", "after")
Order = dict[str, Any]


# On fakes: every way in which a refund can be disturbed


def fails(error: BaseException) -> Callable[[Refund], None]:
    """A disturbance that raises."""

    def happen(_: Refund) -> None:
        raise error

    return happen


def claiming_goes_down(refund: Refund) -> None:
    """Claiming answers no more until the scene ends."""
    refund.shop.claiming.down = True


def wallet_goes_down(refund: Refund) -> None:
    """The wallet answers no more until the scene ends."""
    refund.shop.wallet.down = True


DISTURBANCES: dict[str, Callable[[Refund], object]] = {
    "the process ends": fails(Crash()),
    "no answer comes": fails(Unavailable()),
    "claiming goes down": claiming_goes_down,
    "the wallet goes down": wallet_goes_down,
    "the buyer claims": Refund.claim,
    "the buyer cancels": Refund.cancel,
    "the order matures": Refund.mature,
    "the sweeper comes": Refund.sweep,
    "the client retries": Refund.retry,
    "somebody else refunds": Refund.refund_again,
    "events are delivered": lambda refund: refund.shop.deliver(),
}

RECOVERIES: dict[str, Callable[[Refund], object]] = {
    "events and the sweeper": lambda refund: None,
    "the client, then the sweeper": Refund.retry,
    "the buyer claims": lambda refund: None if refund.shop.claiming.down else refund.claim(),
    "maturing": Refund.mature,
}


def undisturbed(make: Callable[[], Refund]) -> Steps:
    """The steps of a refund that nothing disturbs."""
    steps = Steps()
    make().refund(steps)
    return steps


def everywhere(make: Callable[[], Refund]) -> Iterator[tuple[int, Moment, str]]:
    """Before and after each step of a refund: (number, moment, name)."""
    for at, step in enumerate(undisturbed(make).taken):
        for moment in MOMENTS:
            yield at, moment, step


def disturbed(refund: Refund, at: int, moment: Moment, happen: Callable[[Refund], object]) -> Steps:
    """Steps with a disturbance at one of them."""
    return Steps(Disturbance(at, moment, partial(happen, refund)))


def test_the_steps_are_those_of_the_design() -> None:
    """The request is committed before claiming is called, and the money moves only after claiming has answered."""
    begin = ["commit", "resumed", "commit", "commit", "claiming.void"]
    assert undisturbed(REFUNDS["one line"]).taken == [*begin, "wallet.refund", "commit", "commit"]
    assert undisturbed(REFUNDS["free"]).taken == [*begin, "commit", "commit"]
    assert undisturbed(REFUNDS["claimed"]).taken == [*begin, "commit", "commit"]


@pytest.mark.parametrize("name", REFUNDS)
def test_an_undisturbed_refund_ends_as_claiming_says(name: str) -> None:
    """Refunded, and every repeat says so, with the same key and with others; or ALREADY_CLAIMED, and claimed."""
    refund = REFUNDS[name]()
    expected = ("ALREADY_CLAIMED", "claimed") if name == "claimed" else ("200", "refunded")
    for _ in range(2):
        assert (refund.refund(), refund.refund_again()) == (expected[0], expected[0])
    assert refund.end() == expected[1]
    assert refund.refund_again() == expected[0]


@pytest.mark.parametrize("name", REFUNDS)
def test_a_disturbed_refund_comes_to_one_legal_end(name: str, subtests: pytest.Subtests) -> None:
    """Whatever happens before or after any step: the buyer has the money or may have the goods, and all agree."""
    make = REFUNDS[name]
    for disturbance, recovery in product(DISTURBANCES, RECOVERIES):
        with subtests.test(disturbance=disturbance, recovery=recovery):
            for at, moment, step in everywhere(make):
                refund = make()
                try:
                    refund.refund(disturbed(refund, at, moment, DISTURBANCES[disturbance]))
                    RECOVERIES[recovery](refund)
                    refund.end()
                except AssertionError as error:
                    raise AssertionError(f"{moment} step {at}, {step}: {error}") from error


@pytest.mark.parametrize("name", REFUNDS)
def test_a_sweeper_that_crashes_as_well_is_followed_by_the_next(name: str) -> None:
    """A crash in the request, and another at any step of the sweeper after it: the sweeper after that ends it."""
    crash = fails(Crash())
    for at, moment, _ in everywhere(REFUNDS[name]):

        def crashed(at: int = at, moment: Moment = moment) -> Refund:
            refund = REFUNDS[name]()
            refund.refund(disturbed(refund, at, moment, crash))
            return refund

        sweeping = Steps()
        crashed().sweep(sweeping)
        for later in range(len(sweeping.taken)):
            for then in MOMENTS:
                refund = crashed()
                refund.sweep(disturbed(refund, later, then, crash))
                refund.end()


@pytest.mark.parametrize(("error", "moments"), [(Unavailable(), MOMENTS), (Contended(), ["before"])], ids=repr)
@pytest.mark.parametrize("name", REFUNDS)
def test_what_fails_once_is_tried_again(name: str, error: Exception, moments: list[Moment]) -> None:
    """One call that fails after the refund was requested costs time: the answer is the same as without."""
    steps = undisturbed(REFUNDS[name]).taken
    for at, moment, step in everywhere(REFUNDS[name]):
        if 3 <= at < len(steps) - 1 and moment in moments:
            refund = REFUNDS[name]()
            answer = refund.refund(disturbed(refund, at, moment, fails(error)))
            assert answer == ("ALREADY_CLAIMED" if name == "claimed" else "200"), f"{moment} {step}"


@pytest.mark.parametrize("goes_down", [claiming_goes_down, wallet_goes_down])
def test_an_outage_is_answered_in_time(goes_down: Callable[[Refund], None]) -> None:
    """While a service stays away the answer is ORDER_PENDING after five seconds, and the same key resumes at once."""
    refund = bought("one line")
    began = refund.shop.clock.now()
    assert refund.refund(disturbed(refund, 3, "after", goes_down)) == "ORDER_PENDING"
    assert 5 <= (refund.shop.clock.now() - began).total_seconds() <= 10
    refund.shop.claiming.down = refund.shop.wallet.down = False
    assert refund.refund() == "200"
    assert refund.end() == "refunded"


def test_a_request_in_flight_is_not_resumed() -> None:
    """Until the lease of a crashed request ends, its key is in progress; then a retry resumes it."""
    refund = bought("one line")
    assert refund.refund(disturbed(refund, 4, "after", fails(Crash()))) == CRASHED
    assert refund.refund() == "IDEMPOTENCY_IN_PROGRESS"
    refund.shop.clock.pass_by(seconds=10)
    assert refund.refund() == "200"


def test_a_refund_is_for_seven_days() -> None:
    """To the moment: from then on NOT_REFUNDABLE, whether the sweeper has been there or not; a claim is still had."""
    in_time, late = bought("one line"), bought("one line")
    for refund in (in_time, late):
        paid_at = refund.order.paid_at
        assert paid_at is not None
        refund.shop.clock.moment = paid_at
        refund.shop.clock.pass_by(days=7, microseconds=-1)
    assert in_time.refund() == "200"
    late.shop.clock.pass_by(microseconds=1)
    assert late.refund() == "NOT_REFUNDABLE"
    late.mature()
    assert late.refund_again() == "NOT_REFUNDABLE"
    assert late.end() == "matured"
    late.claim()
    assert late.end() == "claimed"
    assert late.refund_again() == "ALREADY_CLAIMED"


# Over HTTP, on real parts


def refund(person: ApiUser, order_id: str, body: Any = None, key: str | None = None) -> httpx.Response:
    """Refund an order: whatever is answered."""
    return person.request("POST", f"/v1/orders/{order_id}/refund", body or {}, key or fresh_key())


def test_a_paid_order_is_refunded(
    buyer: ApiUser,
    merchant: ApiUser,
    on_sale: Callable[..., Order],
    paid_order: Callable[..., Order],
    probe: DatabaseProbe,
) -> None:
    """200 with the order; the buyer has the money by then; its events show it, and repeats are the same."""
    order = paid_order(buyer, on_sale(), 3)
    assert probe.money(buyer.wallet_id) == (FUNDS - 3000, 0)
    key = fresh_key()
    first = refund(merchant, order["id"], {"reason": "It is broken."}, key)
    assert (first.status_code, first.json()["status"]) == (200, "refunded")
    assert first.json()["items"] == order["items"]
    assert probe.money(buyer.wallet_id) == (FUNDS, 0)
    again, other = refund(merchant, order["id"], {"reason": "It is broken."}, key), refund(merchant, order["id"])
    assert (again.status_code, again.content) == (other.status_code, other.content) == (200, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in other.headers
    refused(refund(merchant, order["id"], {"restock": True}, key), 422, "IDEMPOTENCY_KEY_REUSED")
    assert probe.settled(order["id"]).status == "refunded"
    assert probe.event_types(order["id"])[3:] == ["order.refund_requested", "order.refunded"]
    requested = buyer.get(f"/v1/orders/{order['id']}/events")["items"][3]["data"]
    assert (requested["requested_by"], requested["reason"]) == (merchant.user_id, "It is broken.")
    kinds = [(kind, amount) for kind, account, _, amount in probe.postings(order["id"]) if account == buyer.wallet_id]
    assert kinds == [("capture", -3000), ("refund", 3000)]


def test_what_is_refunded_is_not_claimed_or_cancelled(
    buyer: ApiUser, merchant: ApiUser, on_sale: Callable[..., Order], paid_order: Callable[..., Order]
) -> None:
    """Its buyer gets NOT_CLAIMABLE for a claim and ORDER_PAID for a cancellation."""
    order = paid_order(buyer, on_sale())
    assert refund(merchant, order["id"]).status_code == 200
    refused(buyer.request("POST", "/v1/claims", {"order_id": order["id"]}), 409, "NOT_CLAIMABLE")
    refused(buyer.request("POST", f"/v1/orders/{order['id']}/cancel"), 409, "ORDER_PAID")


def test_what_is_claimed_is_not_refunded(
    buyer: ApiUser,
    merchant: ApiUser,
    on_sale: Callable[..., Order],
    paid_order: Callable[..., Order],
    probe: DatabaseProbe,
) -> None:
    """ALREADY_CLAIMED from the moment of the voucher on, also once more and with the same key; the money stays."""
    order, key = paid_order(buyer, on_sale()), fresh_key()
    buyer.post("/v1/claims", {"order_id": order["id"]})
    first, again = refund(merchant, order["id"], key=key), refund(merchant, order["id"], key=key)
    problem = refused(first, 409, "ALREADY_CLAIMED")
    assert problem["order_id"] == order["id"]
    assert again.content == first.content
    buyer.wait_for(f"/v1/orders/{order['id']}", "status", "claimed", "completed")
    refused(refund(merchant, order["id"]), 409, "ALREADY_CLAIMED")
    assert probe.settled(order["id"]).escrow == "settled"
    assert probe.money(buyer.wallet_id) == (FUNDS - 1000, 0)


def test_what_is_not_paid_is_not_refundable(
    buyer: ApiUser,
    merchant: ApiUser,
    on_sale: Callable[..., Order],
    ordered: Callable[..., Order],
    pause_order_relay: Callable[[], AbstractContextManager[None]],
) -> None:
    """Confirmed, cancelled: 409 NOT_REFUNDABLE, kept under the key as any refusal."""
    with pause_order_relay():
        order, key = ordered(buyer, on_sale()), fresh_key()
        first, again = refund(merchant, order["id"], key=key), refund(merchant, order["id"], key=key)
        refused(first, 409, "NOT_REFUNDABLE")
        assert again.content == first.content
        assert buyer.request("POST", f"/v1/orders/{order['id']}/cancel").status_code == 200
        refused(refund(merchant, order["id"]), 409, "NOT_REFUNDABLE")


def test_it_is_for_the_merchant_and_for_operators(
    buyer: ApiUser,
    merchant: ApiUser,
    operator: ApiUser,
    anyone: Callable[[], ApiUser],
    on_sale: Callable[..., Order],
    paid_order: Callable[..., Order],
    guarded: Callable[..., None],
) -> None:
    """The buyer and strangers find no such order, nor does anybody an unknown one; an operator refunds any."""
    order = paid_order(buyer, on_sale())
    for person in (buyer, anyone()):
        refused(refund(person, order["id"]), 404, "NOT_FOUND")
    for unknown in (ids.new("ord", "us"), ids.new("wal", "us"), "nonsense"):
        refused(refund(merchant, unknown), 404, "NOT_FOUND")
    guarded("refund_order", f"/v1/orders/{order['id']}/refund", {})
    assert refund(operator, order["id"]).status_code == 200


@pytest.mark.parametrize(
    "body", [{"restock": "yes"}, {"restock": None}, {"reason": 7}, {"reason": "x" * 201}, {"reason": "a\nb"}, {"x": 1}]
)
def test_a_body_of_another_shape_is_malformed(body: Any, merchant: ApiUser) -> None:
    """400 names the field."""
    problem = refused(refund(merchant, ids.new("ord", "us"), body), 400, "VALIDATION_FAILED")
    assert problem["errors"][0]["field"] == next(iter(body))


def test_a_free_order_is_refunded_without_money(
    buyer: ApiUser,
    merchant: ApiUser,
    on_sale: Callable[..., Order],
    paid_order: Callable[..., Order],
    probe: DatabaseProbe,
) -> None:
    """There is nothing to pay back, and nothing left to claim."""
    order = paid_order(buyer, on_sale(unit_price="0"))
    assert refund(merchant, order["id"]).json()["status"] == "refunded"
    assert probe.settled(order["id"]).claim == "voided"
    assert probe.postings(order["id"]) == []


def test_its_units_are_for_sale_again_if_the_merchant_likes(
    buyer: ApiUser,
    merchant: ApiUser,
    on_sale: Callable[..., Order],
    paid_order: Callable[..., Order],
    probe: DatabaseProbe,
) -> None:
    """With restock the stock is as before the sale, and can be sold to somebody else; without, it is gone."""
    again, gone = on_sale(quantity=2), on_sale(quantity=2)
    orders = {supply["id"]: paid_order(buyer, supply, 2)["id"] for supply in (again, gone)}
    for order_id in orders.values():
        probe.settled(order_id)
    for supply, restock in ((again, True), (gone, False)):
        assert refund(merchant, orders[supply["id"]], {"restock": restock}).status_code == 200
    probe.until(orders[again["id"]], lambda account: account.reservations == ("returned",))
    assert probe.stock(again["id"]) == Stock(quantity=2, available=2, reserved=0, sold=0)
    assert probe.stock(gone["id"]) == Stock(quantity=2, available=0, reserved=0, sold=2)
    assert probe.settled(paid_order(buyer, again, 2)["id"]).status == "paid"


def test_it_resumes_from_any_crash(
    buyer: ApiUser,
    merchant: ApiUser,
    on_sale: Callable[..., Order],
    ordered: Callable[..., Order],
    shifted: Callable[[timedelta], Resources],
    probe: DatabaseProbe,
    triggers: Triggers,
) -> None:
    """A crash before or after any step, on real parts: the same key has it refunded, or the sweeper, once."""
    moments = [(at, moment) for at in range(8) for moment in MOMENTS]
    supply = on_sale(quantity=len(moments))
    orders = [ordered(buyer, supply)["id"] for _ in moments]
    probe.all_settled(orders)
    keys, requested = [fresh_key() for _ in moments], []

    def crash() -> None:
        raise Crash

    for order_id, key, (at, moment) in zip(orders, keys, moments, strict=True):
        bound = Key(merchant.user_id, "refund_order", key, fingerprint("POST", f"/v1/orders/{order_id}/refund", [], {}))
        steps = Steps(Disturbance(at, moment, crash))
        work = SteppedWork(Work(shifted(MINUTE_AGO), "order", None, bound), steps)
        with pytest.raises(Crash):
            refund_order(RefundOrder(order_id=order_id), Caller(merchant.user_id, "ses_us_test", frozenset()), work)
        requested.append("order.refund_requested" in probe.event_types(order_id))
    assert requested.count(True) == len(moments) - 5  # the third step commits the request
    triggers.start("advance_orders")
    swept = [order_id for order_id, was_requested in zip(orders, requested, strict=True) if was_requested]
    for order_id in swept:
        probe.until(order_id, lambda account: account.status == "refunded")
    for order_id, key in zip(orders, keys, strict=True):
        answer = merchant.send_with_retries("POST", f"/v1/orders/{order_id}/refund", {}, key)
        assert (answer.status_code, answer.json()["status"]) == (200, "refunded"), answer.text
    assert {account.escrow for account in probe.all_settled(orders).values()} == {"refunded"}
    assert {probe.event_types(order_id).count("order.refunded") for order_id in orders} == {1}
    assert probe.money(buyer.wallet_id) == (FUNDS, 0)


def test_many_refunds_at_once_are_one(
    buyer: ApiUser,
    merchant: ApiUser,
    on_sale: Callable[..., Order],
    paid_order: Callable[..., Order],
    probe: DatabaseProbe,
) -> None:
    """With one key and with others, ten at a time: each is 200 or still in progress, and the money comes back once."""
    order, key = paid_order(buyer, on_sale()), fresh_key()
    keys = [key] * 5 + [fresh_key() for _ in range(5)]
    answers = all_at_once([partial(refund, merchant, order["id"], None, each) for each in keys])
    good = [answer for answer in answers if answer.status_code == 200]
    assert len({answer.content for answer in good}) == 1
    for answer in answers:
        if answer.status_code != 200:
            refused(answer, 409, "IDEMPOTENCY_IN_PROGRESS")
    assert probe.settled(order["id"]).status == "refunded"
    assert probe.event_types(order["id"]).count("order.refunded") == 1
    assert probe.money(buyer.wallet_id) == (FUNDS, 0)
    assert {refund(merchant, order["id"], None, each).content for each in keys} == {good[0].content}


@pytest.mark.parametrize("times", [15, pytest.param(50, marks=pytest.mark.long)])
def test_a_refund_against_a_claim(
    times: int,
    buyer: ApiUser,
    merchant: ApiUser,
    on_sale: Callable[..., Order],
    paid_order: Callable[..., Order],
    probe: DatabaseProbe,
) -> None:
    """Concurrently: a voucher and no refund, or a refund and no voucher; both callers get the same answer."""
    supply = on_sale(quantity=times)

    def race() -> bool:
        order_id = paid_order(buyer, supply)["id"]
        start = Barrier(2)

        def claim() -> httpx.Response:
            start.wait(10)
            time.sleep(random.uniform(0, 0.02))
            return buyer.request("POST", "/v1/claims", {"order_id": order_id})

        with ThreadPoolExecutor(1) as pool:
            claiming = pool.submit(claim)
            start.wait(10)
            time.sleep(random.uniform(0, 0.02))
            refunding = refund(merchant, order_id)
        answer = claiming.result()
        if refunding.status_code == 200:
            refused(answer, 409, "NOT_CLAIMABLE")
        else:
            refused(refunding, 409, "ALREADY_CLAIMED")
            assert answer.status_code == 201
        account = probe.settled(order_id)
        ends = {200: ("refunded", "refunded", "voided"), 409: ("claimed", "settled", "claimed")}
        assert (account.status, account.escrow, account.claim)[:2] == ends[refunding.status_code][:2]
        return refunding.status_code == 200

    refunds = sum(race() for _ in range(times))
    assert probe.money(buyer.wallet_id) == (FUNDS - 1000 * (times - refunds), 0)
