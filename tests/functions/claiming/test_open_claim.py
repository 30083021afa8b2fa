"""Opening the claim of a paid order."""

from collections.abc import Callable

from emulators.demo.api_user import ApiUser
from shared import ids
from tests.database_probe import DatabaseProbe
from tests.functions.claiming.conftest import Bought
from tests.isolated_services import IsolatedServices, traced
from tests.races import all_at_once
from tests.triggers import Triggers

Buy = Callable[..., Bought]


def test_a_paid_order_opens_its_claim(isolated: IsolatedServices, buy: Buy) -> None:
    """There is one row, without a voucher, and a claim.opened event."""
    bought = buy(2)
    assert set(isolated.deliver("open_claim", bought.order.id)) == {"applied"}
    (row,) = bought.rows()
    assert (row["id"], row["status"], row["voucher"]) == (ids.sibling(bought.order.id, "clm"), "open", None)
    (event,) = isolated.stream(row["id"])
    assert (event.type, event.version) == ("claim.opened", 1)
    assert event.data == {"claim_id": row["id"], "order_id": bought.order.id, "user_id": bought.buyer.user_id}


def test_a_claim_is_opened_once(isolated: IsolatedServices, buy: Buy) -> None:
    """Of twenty deliveries at the same moment one is applied, and repeats after are known."""
    bought = buy()
    *before, paid = isolated.stream(bought.order.id)
    for earlier in before:
        isolated.receive("open_claim", earlier)
    received = all_at_once([lambda: isolated.receive("open_claim", paid)] * 20)
    assert sorted(received) == ["applied"] + ["known"] * 19
    assert set(isolated.deliver("open_claim", bought.order.id)) == {"known"}
    assert bought.story() == ["claim.opened"]


def test_claims_are_opened_at_once_each_in_its_own_trace(isolated: IsolatedServices, buy: Buy) -> None:
    """One that a buyer has opened stays as it is; what is recorded of each carries the trace of its payment."""
    bought = [buy() for _ in range(4)]
    bought[1].claim()
    paid = [traced(isolated.stream(each.order.id)[-1], number) for number, each in enumerate(bought, 1)]
    assert isolated.receive_together("open_claim", paid) == ["applied"] * 4
    assert bought[1].story() == ["claim.opened", "claim.claimed"]
    for number in (1, 3, 4):
        (opened,) = isolated.stream(ids.sibling(bought[number - 1].order.id, "clm"))
        assert (opened.type, opened.metadata["request_id"]) == ("claim.opened", f"request-{number}")
        assert opened.metadata["traceparent"][3:35] == f"{number:032x}"
    assert isolated.receive_together("open_claim", paid) == ["known"] * 4


def test_a_buyer_may_be_faster(isolated: IsolatedServices, buy: Buy) -> None:
    """The event that comes after the claim changes nothing of it."""
    bought = buy()
    bought.claim()
    before = bought.rows()
    assert set(isolated.deliver("open_claim", bought.order.id)) == {"applied"}
    assert bought.rows() == before
    assert bought.story() == ["claim.opened", "claim.claimed"]


def test_a_claim_that_is_there_stays_as_it_is(isolated: IsolatedServices, buy: Buy) -> None:
    """A repeated event changes nothing, before and after the voucher, even if the inbox has forgotten it."""
    bought = buy()
    paid = isolated.stream(bought.order.id)[-1]
    for _ in range(2):
        isolated.handle("open_claim", paid)
    assert bought.story() == ["claim.opened"]
    bought.claim()
    before = bought.rows()
    isolated.handle("open_claim", paid)
    assert bought.rows() == before


def test_an_order_that_is_not_paid_opens_nothing(isolated: IsolatedServices, buy: Buy) -> None:
    """Only order.paid does; the other facts of an order advance its stream alone."""
    bought = buy()
    for event in isolated.stream(bought.order.id)[:-1]:
        isolated.receive("open_claim", event)
    assert bought.rows() == []


def test_a_pushed_repeat_is_acknowledged(
    buyer: ApiUser,
    on_sale: Callable[..., dict[str, str]],
    paid_order: Callable[..., dict[str, str]],
    probe: DatabaseProbe,
    triggers: Triggers,
) -> None:
    """Pub/Sub may push each event of a paid order again: every time 200, and there is one claim."""
    order = paid_order(buyer, on_sale())
    for event in probe.delivered("open_claim", order["id"]):
        assert triggers.received("open_claim", event) in ("known", "applied")
    for event in probe.delivered("open_claim", order["id"]):
        assert triggers.received("open_claim", event) == "known"
    assert [e.type for e in probe.stream("claiming", ids.sibling(order["id"], "clm"))] == ["claim.opened"]
