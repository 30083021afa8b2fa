"""Claiming what was bought."""

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from emulators.waiting import WITHIN_SECONDS
from functions.claiming.adapters.work import Work
from functions.claiming.create_claim import create_claim
from functions.claiming.domain.errors import NotClaimable, RecipientFixed
from functions.claiming.ports import ClaimOrder
from functions.claiming.requests import CreateClaim
from functions.claiming.views import ClaimView
from shared import ids
from shared.chain.ethereum import checksum_address, keccak
from shared.config import Settings
from shared.contracts.encode import to_json
from shared.errors import NotFound, Unavailable
from shared.money import Amount
from tests.database_probe import DatabaseProbe
from tests.functions.claiming.conftest import Bought
from tests.functions.claiming.test_voucher import checked
from tests.isolated_services import IsolatedServices
from tests.problems import absent, refused
from tests.races import all_at_once, at_once

CLAIMS = "/v1/claims"
Sell = Callable[..., dict[str, Any]]
Pay = Callable[..., dict[str, Any]]
Buy = Callable[..., Bought]


class SilentOrders:
    """An order service that does not answer."""

    def for_claim(self, order_id: str) -> ClaimOrder:
        raise Unavailable


def an_address() -> str:
    return checksum_address("0x" + secrets.token_hex(20))


def bytes_of(claim: ClaimView) -> bytes:
    return to_json(claim.voucher)


def test_a_paid_order_is_claimed(buyer: ApiUser, on_sale: Sell, paid_order: Pay, settings: Settings) -> None:
    """201 with the claim of the contract and a voucher that a wallet can check, for the wallet that paid."""
    supply = on_sale()
    order = paid_order(buyer, supply, 2)
    before = datetime.now(UTC)
    response = buyer.request("POST", CLAIMS, {"order_id": order["id"]})
    assert response.status_code == 201
    claim = response.json()
    assert {name: claim[name] for name in claim if name not in ("voucher", "claimed_at")} == {
        "id": claim["id"],
        "order_id": order["id"],
        "user_id": buyer.user_id,
        "recipient": buyer.address,
        "status": "claimed",
        "processed_at": None,
    }
    assert before <= datetime.fromisoformat(claim["claimed_at"]) <= datetime.now(UTC)
    checked(claim["voucher"])
    message = claim["voucher"]["message"]
    assert message["claimId"] == "0x" + keccak(claim["id"].encode()).hex()
    assert message["orderId"] == "0x" + keccak(order["id"].encode()).hex()
    assert message["recipient"] == buyer.address
    assert message["items"] == [
        {"asset": supply["asset"]["contract"], "tokenId": supply["asset"]["token_id"], "quantity": "2"}
    ]
    deadline = datetime.fromtimestamp(int(message["deadline"]), UTC)
    lasting = deadline - before
    assert (
        timedelta(seconds=settings.voucher_ttl_seconds - 1)
        <= lasting
        <= timedelta(seconds=settings.voucher_ttl_seconds + 30)
    )


def test_a_claim_ends_the_order(buyer: ApiUser, on_sale: Sell, paid_order: Pay, probe: DatabaseProbe) -> None:
    """The order becomes claimed; a repeat after that is still answered with the voucher."""
    order = paid_order(buyer, on_sale())
    claim = buyer.post(CLAIMS, {"order_id": order["id"]})
    buyer.wait_for(f"/v1/orders/{order['id']}", "status", "claimed")
    again = buyer.request("POST", CLAIMS, {"order_id": order["id"]})
    assert (again.status_code, again.json()) == (200, claim)
    opened, claimed = probe.stream("claiming", claim["id"])
    assert (opened.type, claimed.type, claimed.version) == ("claim.opened", "claim.claimed", 2)
    assert claimed.data == {
        "claim_id": claim["id"],
        "order_id": order["id"],
        "user_id": buyer.user_id,
        "recipient": buyer.address,
    }


def test_every_line_is_in_the_voucher(buy: Buy) -> None:
    """In the order of the purchase, each with its own token and quantity."""
    bought = buy(3, 1, 2)
    claim, _ = bought.claim()
    assert [(item["tokenId"], item["quantity"]) for item in claim.voucher.message["items"]] == [
        (item.token_id, str(item.quantity)) for item in bought.order.items
    ]


def test_fifty_at_once_get_one_voucher(buyer: ApiUser, on_sale: Sell, paid_order: Pay, probe: DatabaseProbe) -> None:
    """One gets 201 and the others 200, all with identical bytes; there is one claim, with one event."""
    order = paid_order(buyer, on_sale())
    responses = all_at_once([lambda: buyer.request("POST", CLAIMS, {"order_id": order["id"]})] * 50)
    assert sorted(response.status_code for response in responses) == [200] * 49 + [201]
    assert len({response.content for response in responses}) == 1
    rows = probe.rows("claiming", "SELECT id FROM claims WHERE order_id = :order_id", order_id=order["id"])
    assert len(rows) == 1
    events = [event.type for event in probe.stream("claiming", rows[0]["id"])]
    assert events == ["claim.opened", "claim.claimed"]


def anyhow(call: Callable[[], Any]) -> Any:
    """What a client does on a busy machine: a claim whose question to another service ran out of time is sent again."""
    deadline = time.monotonic() + WITHIN_SECONDS
    while True:
        try:
            return call()
        except Unavailable:
            if time.monotonic() > deadline:
                raise


def test_claims_race_the_event_that_opens_them(isolated: IsolatedServices, buy: Buy) -> None:
    """Whoever opens the claim, ten times over: one row, one opening, one voucher."""
    for _ in range(10):
        bought = buy()
        opening = partial(isolated.deliver, "open_claim", bought.order.id)
        calls: list[Callable[[], Any]] = [*[partial(anyhow, bought.claim)] * 6, opening]
        *claims, received = all_at_once(calls)
        assert len({bytes_of(claim) for claim, _ in claims}) == 1
        assert sorted(repeated for _, repeated in claims) == [False] + [True] * 5
        assert set(received) == {"applied"}
        assert bought.story() == ["claim.opened", "claim.claimed"]


def test_a_claim_does_not_wait_for_the_event(buy: Buy) -> None:
    """When the payment's event has not come, claiming asks the order service, and opens the claim itself."""
    bought = buy()
    assert bought.rows() == []
    claim, repeated = bought.claim()
    assert not repeated
    assert claim.recipient == bought.buyer.address
    assert bought.story() == ["claim.opened", "claim.claimed"]


def test_an_open_claim_needs_no_other_service(isolated: IsolatedServices, buy: Buy) -> None:
    """The order service may be down once the event has come; before, the claim has to wait for it."""
    late, opened = buy(), buy()
    isolated.deliver("open_claim", opened.order.id)
    work: Any = Work(isolated.resources, "claiming")
    work.__dict__["orders"] = SilentOrders()
    assert create_claim(CreateClaim(opened.order.id), opened.buyer.caller, work)
    with pytest.raises(Unavailable):
        create_claim(CreateClaim(late.order.id), late.buyer.caller, work)
    assert late.rows() == []


def test_what_is_not_paid_cannot_be_claimed(isolated: IsolatedServices) -> None:
    """A pending, a confirmed, a failed, a cancelled and an expired order; nothing is left behind by the try."""
    seller, somebody = isolated.new_user(), isolated.new_user(USDC=100_000)
    supply = isolated.sell(seller)
    orders = {status: isolated.place(somebody, (supply, 1)) for status in ("pending", "confirmed")}
    orders["confirmed"] = isolated.confirm(orders["confirmed"])
    for status in ("failed", "cancelled", "expired"):
        order = isolated.place(somebody, (supply, 1))
        facts = {"failed": order.fail("SOLD_OUT", ""), "cancelled": order.cancel(), "expired": order.expire()}
        orders[status] = isolated.record(order, facts[status])
    for status, order in orders.items():
        assert order.status == status
        bought = Bought(isolated, somebody, order)
        with pytest.raises(NotClaimable):
            bought.claim()
        assert bought.rows() == []


def test_a_refused_order_cannot_be_claimed(buyer: ApiUser, on_sale: Sell) -> None:
    """An order that was kept as failed is its buyer's, but answers 409."""
    body = {"wallet_id": buyer.wallet_id, "items": [{"supply_id": on_sale(quantity=1)["id"], "quantity": 2}]}
    order_id = refused(buyer.request("POST", "/v1/orders", body, fresh_key()), 409, "SOLD_OUT")["order_id"]
    refused(buyer.request("POST", CLAIMS, {"order_id": order_id}), 409, "NOT_CLAIMABLE")


def test_a_free_drop_is_claimed_like_any_other(isolated: IsolatedServices) -> None:
    """No payment is needed where the price is nothing."""
    somebody = isolated.new_user()
    supply = isolated.sell(isolated.new_user(), unit_price=Amount(0))
    claim, _ = Bought(isolated, somebody, isolated.confirm(isolated.place(somebody, (supply, 1)))).claim()
    assert claim.status == "claimed"


def test_anothers_order_is_not_there(
    buyer: ApiUser, merchant: ApiUser, on_sale: Sell, paid_order: Pay, probe: DatabaseProbe
) -> None:
    """A foreign, an unknown and a malformed order are answered alike, before and after it was claimed."""
    order = paid_order(buyer, on_sale())
    wanted = [order["id"], ids.new("ord", "us"), "nonsense", "", buyer.wallet_id]
    for _ in range(2):
        absent(*(merchant.request("POST", CLAIMS, {"order_id": order_id}) for order_id in wanted))
        buyer.post(CLAIMS, {"order_id": order["id"]})
    (row,) = probe.rows("claiming", "SELECT user_id FROM claims WHERE order_id = :id", id=order["id"])
    assert row["user_id"] == buyer.user_id


def test_anothers_order_is_not_opened_by_asking(isolated: IsolatedServices, buy: Buy) -> None:
    """A stranger's try before the event has come leaves no claim."""
    bought = buy()
    stranger = Bought(isolated, isolated.new_user(), bought.order)
    with pytest.raises(NotFound):
        stranger.claim()
    assert bought.rows() == []


def test_a_recipient_may_be_named(buy: Buy) -> None:
    """The voucher is made out to them; the paying wallet has no part in it."""
    bought, friend = buy(), an_address()
    claim, _ = bought.claim(friend)
    assert claim.recipient == claim.voucher.message["recipient"] == friend


def test_a_recipient_is_fixed(buyer: ApiUser, on_sale: Sell, paid_order: Pay) -> None:
    """Whoever is named first, or by default: naming them again repeats, in any case; naming another is refused."""
    for recipient in (buyer.address, an_address()):
        order_id = paid_order(buyer, on_sale())["id"]
        first = buyer.request("POST", CLAIMS, {"order_id": order_id, "recipient": recipient.lower()})
        assert (first.status_code, first.json()["recipient"]) == (201, recipient)
        for again in ({}, {"recipient": recipient}, {"recipient": recipient.lower()}, {"recipient": None}):
            repeat = buyer.request("POST", CLAIMS, {"order_id": order_id, **again})
            assert (repeat.status_code, repeat.content) == (200, first.content)
        other = {"order_id": order_id, "recipient": an_address()}
        refused(buyer.request("POST", CLAIMS, other), 409, "RECIPIENT_FIXED")


def test_recipients_race(buy: Buy) -> None:
    """Of many recipients named at the same moment one is fixed, and everybody else is refused, five times over."""
    for _ in range(5):
        bought = buy()
        recipients = [an_address() for _ in range(4)]
        results = at_once([partial(bought.claim, recipient) for recipient in recipients])
        assert sum(isinstance(result, RecipientFixed) for result in results) == 3
        assert bought.rows()[0]["recipient"] in recipients
        assert bought.story() == ["claim.opened", "claim.claimed"]


CHECKSUMMED = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


NO_RECIPIENTS = [
    "",
    "0x",
    "0x" + "00" * 20,
    CHECKSUMMED[2:],
    CHECKSUMMED[:-1],
    CHECKSUMMED + "0",
    CHECKSUMMED[:-1] + "g",
    CHECKSUMMED.replace("f39F", "F39F"),
    CHECKSUMMED.swapcase(),
    " " + CHECKSUMMED,
    CHECKSUMMED + "\n",
    "vitalik.eth",
    "0x" + "\uff11" * 40,
    1,
    [],
    {},
]


def test_what_is_no_recipient_is_refused(merchant: ApiUser, subtests: pytest.Subtests) -> None:
    """Garbage, the zero address, and mixed case that is not the checksum; whatever the order is."""
    for recipient in NO_RECIPIENTS:
        with subtests.test(recipient=recipient):
            body = {"order_id": ids.new("ord", "us"), "recipient": recipient}
            refused(merchant.request("POST", CLAIMS, body), 400, "VALIDATION_FAILED", "recipient")


@pytest.mark.parametrize("written", [CHECKSUMMED, CHECKSUMMED.lower(), "0x" + CHECKSUMMED[2:].upper()])
def test_a_recipient_is_taken_in_any_honest_case(buy: Buy, written: str) -> None:
    """All lower or all upper case has no checksum to fail; the voucher has it with its checksum."""
    assert buy().claim(written)[0].recipient == CHECKSUMMED


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "order_id"),
        ({"order_id": None}, "order_id"),
        ({"order_id": 1}, "order_id"),
        ({"order_id": "x", "to": "x"}, "to"),
    ],
)
def test_malformed_bodies_are_refused(merchant: ApiUser, body: dict[str, Any], field: str) -> None:
    """What is missing, of another kind, or unknown, is named."""
    refused(merchant.request("POST", CLAIMS, body), 400, "VALIDATION_FAILED", field)


def test_a_voucher_is_repeated_until_its_deadline_and_then_reissued(isolated: IsolatedServices, buy: Buy) -> None:
    """The reissue keeps claim, nonce, recipient and items, so that the contract honours it once, and lasts anew."""
    bought = buy()
    friend = an_address()
    first, _ = bought.claim(friend)
    ttl = timedelta(seconds=isolated.settings.voucher_ttl_seconds)
    with isolated.later(ttl - timedelta(minutes=1)):
        repeat, repeated = bought.claim()
        assert (bytes_of(repeat), repeated) == (bytes_of(first), True)
    with isolated.later(ttl + timedelta(seconds=1)):
        second, repeated = bought.claim(friend)
        assert repeated
        with pytest.raises(RecipientFixed):
            bought.claim(an_address())
        third, _ = bought.claim()
    assert bytes_of(second) == bytes_of(third) != bytes_of(first)
    assert second.id == first.id
    assert second.claimed_at == first.claimed_at
    before, after = dict(first.voucher.message), dict(second.voucher.message)
    assert int(after.pop("deadline")) - int(before.pop("deadline")) >= ttl.total_seconds()
    assert after == before
    assert second.voucher.signature != first.voucher.signature
    assert bought.story() == ["claim.opened", "claim.claimed"]
    assert bought.rows()[0]["version"] == 2


def test_a_voucher_is_never_repeated_past_its_deadline(isolated: IsolatedServices, buy: Buy) -> None:
    """The second that the voucher names is the one in which it is reissued; no fraction of it is served stale."""
    bought = buy()
    first, _ = bought.claim()
    past = int(first.voucher.message["deadline"]) - datetime.now(UTC).timestamp()
    with isolated.later(timedelta(seconds=past, milliseconds=1)):
        second, _ = bought.claim()
    assert int(second.voucher.message["deadline"]) > int(first.voucher.message["deadline"])


def test_reissues_at_once_are_one_voucher(isolated: IsolatedServices, buy: Buy) -> None:
    """Twenty repeats at the same moment after the deadline get identical bytes."""
    bought = buy()
    bought.claim()
    with isolated.later(timedelta(seconds=isolated.settings.voucher_ttl_seconds + 5)):
        vouchers = all_at_once([lambda: bytes_of(bought.claim()[0])] * 20)
    assert len(set(vouchers)) == 1


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None]) -> None:
    """claim:execute."""
    guarded("create_claim", CLAIMS, {"order_id": ids.new("ord", "us")})
