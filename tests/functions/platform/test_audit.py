"""The audit of everything, as an operator asks for it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emulators.buyer import Person
from emulators.stack import Stack
from functions.platform.audit import Audit, AuditView
from tests.island import Island
from tests.problems import refused


@pytest.fixture(scope="module")
def island(stack: Stack) -> Iterator[Island]:
    """An island for these tests alone: others leave orders half done, which an audit finds."""
    with Island.off(stack) as running:
        yield running


def audited(island: Island, at: datetime | None = None) -> AuditView:
    view: AuditView = island.run("audit", request=Audit(at))
    return view


def found(view: AuditView) -> set[tuple[str, str]]:
    return {(violation.invariant, violation.subject) for violation in view.violations}


def test_every_service_is_asked(island: Island) -> None:
    """What was checked is named by service and invariant, and nothing breaks one."""
    view = audited(island)
    some = {"wallet money_sums_to_zero", "wallet seals_hold", "supply stock_adds_up", "order orders_have_one_outcome"}
    assert some <= set(view.checked)
    assert view.violations == []


def test_a_paid_order_is_followed_through_the_services(island: Island) -> None:
    """One whose stock is not sold and whose claim is not open, long after it was paid, is a violation in each."""
    merchant, buyer = island.islander(), island.islander(USDC=1000)
    order = island.buy(buyer, (island.sell(merchant), 1))
    assert found(audited(island)) == set()  # its effects may still be under way
    with island.later(timedelta(minutes=2)):
        late = found(audited(island))
        assert late == {("supply paid_orders_are_sold", order.id), ("claiming paid_orders_have_one_claim", order.id)}
        island.deliver("commit_stock", order.id)
        island.deliver("open_claim", order.id)
        assert found(audited(island)) == set()


def test_the_end_of_an_order_is_followed_through_the_services(island: Island) -> None:
    """One that says refunded or matured, while wallet and claiming know nothing of it, is a violation in each."""
    merchant, buyer = island.islander(), island.islander(USDC=2000)
    supply = island.sell(merchant)
    refunded, matured = island.buy(buyer, (supply, 1)), island.buy(buyer, (supply, 1))
    for order in (refunded, matured):
        island.deliver("commit_stock", order.id)
        island.deliver("open_claim", order.id)
    requested = island.record(refunded, refunded.request_refund(merchant.user_id, "", restock=False))
    island.record(requested, requested.refund())
    island.record(matured, matured.mature())
    assert found(audited(island)) == set()  # their effects may still be under way
    with island.later(timedelta(minutes=2)):
        money, claim = "wallet money_went_where_its_order_says", "claiming claims_are_as_their_orders_say"
        assert found(audited(island)) == {(money, refunded.id), (claim, refunded.id), (money, matured.id)}
        assert island.orders.claiming.void(refunded)
        island.orders.wallet.refund(refunded)
        island.deliver("settle_order", matured.id)
        assert found(audited(island)) == set()


def test_the_past_can_be_audited(island: Island) -> None:
    """As of any past time; a later one is 400."""
    before = datetime.now(UTC)
    island.islander(USDC=10)
    assert audited(island, before).violations == []
    assert audited(island, before - timedelta(days=365)).violations == []


@pytest.mark.parametrize("at", ["yesterday", "2100-01-01T00:00:00Z", "2026-01-01T00:00:00"])
def test_a_time_that_is_none_or_not_past_is_refused(operator: Person, at: str) -> None:
    """It is 400, and names the field."""
    refused(operator.request("GET", f"/v1/operator/audit?at={at}"), 400, "VALIDATION_FAILED", "at")


def test_operators_ask_through_the_edge(operator: Person) -> None:
    """The answer is the contract's: what was checked, and violations; beside it, what could not be checked."""
    answer: dict[str, Any] = operator.get("/v1/operator/audit")
    assert set(answer) == {"checked", "violations", "unchecked"}
    assert "wallet transfers_sum_to_zero" in answer["checked"]


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None]) -> None:
    """operator."""
    guarded("audit", "/v1/operator/audit")
