"""The audit across all services, as an operator requests it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser
from emulators.stack.stack import Stack
from functions.platform.audit import Audit, AuditView
from tests.isolated_services import IsolatedServices
from tests.problems import refused


@pytest.fixture(scope="module")
def isolated(stack: Stack) -> Iterator[IsolatedServices]:
    """Isolated services for these tests alone: others leave orders half done, which an audit finds."""
    with IsolatedServices.within(stack) as running:
        yield running


def audited(isolated: IsolatedServices, at: datetime | None = None) -> AuditView:
    view: AuditView = isolated.run("audit", request=Audit(at))
    return view


def found(view: AuditView) -> set[tuple[str, str]]:
    return {(violation.invariant, violation.subject) for violation in view.violations}


def test_every_service_is_queried(isolated: IsolatedServices) -> None:
    """What was checked is named by service and invariant, and nothing breaks one."""
    view = audited(isolated)
    some = {"wallet money_sums_to_zero", "wallet seals_hold", "supply stock_adds_up", "order orders_have_one_outcome"}
    assert some <= set(view.checked)
    assert view.violations == []


def test_a_paid_order_is_followed_through_the_services(isolated: IsolatedServices) -> None:
    """One whose stock is not sold and whose claim is not open, long after it was paid, is a violation in each."""
    merchant, buyer = isolated.new_user(), isolated.new_user(USDC=1000)
    order = isolated.buy(buyer, (isolated.sell(merchant), 1))
    assert found(audited(isolated)) == set()  # its effects may still be under way
    with isolated.later(timedelta(minutes=2)):
        late = found(audited(isolated))
        assert late == {("supply paid_orders_are_sold", order.id), ("claiming paid_orders_have_one_claim", order.id)}
        isolated.deliver("commit_stock", order.id)
        isolated.deliver("open_claim", order.id)
        assert found(audited(isolated)) == set()


def test_the_end_of_an_order_is_followed_through_the_services(isolated: IsolatedServices) -> None:
    """An order refunded or matured, of which wallet and claiming have no record, is a violation in each."""
    merchant, buyer = isolated.new_user(), isolated.new_user(USDC=2000)
    supply = isolated.sell(merchant)
    refunded, matured = isolated.buy(buyer, (supply, 1)), isolated.buy(buyer, (supply, 1))
    for order in (refunded, matured):
        isolated.deliver("commit_stock", order.id)
        isolated.deliver("open_claim", order.id)
    requested = isolated.record(refunded, refunded.request_refund(merchant.user_id, "", restock=False))
    isolated.record(requested, requested.refund())
    isolated.record(matured, matured.mature())
    assert found(audited(isolated)) == set()  # their effects may still be under way
    with isolated.later(timedelta(minutes=2)):
        money, claim = "wallet money_went_where_its_order_says", "claiming claims_are_as_their_orders_say"
        assert found(audited(isolated)) == {(money, refunded.id), (claim, refunded.id), (money, matured.id)}
        assert isolated.orders.claiming.void(refunded)
        isolated.orders.wallet.refund(refunded)
        isolated.deliver("settle_order", matured.id)
        assert found(audited(isolated)) == set()


def test_the_past_can_be_audited(isolated: IsolatedServices) -> None:
    """As of any past time; a later one is 400."""
    before = datetime.now(UTC)
    isolated.new_user(USDC=10)
    assert audited(isolated, before).violations == []
    assert audited(isolated, before - timedelta(days=365)).violations == []


@pytest.mark.parametrize("at", ["yesterday", "2100-01-01T00:00:00Z", "2026-01-01T00:00:00"])
def test_a_time_that_is_none_or_not_past_is_refused(operator: ApiUser, at: str) -> None:
    """It is 400, and names the field."""
    refused(operator.request("GET", f"/v1/operator/audit?at={at}"), 400, "VALIDATION_FAILED", "at")


def test_operators_ask_through_the_edge(operator: ApiUser) -> None:
    """The response matches the contract: checked, violations, and unchecked."""
    answer: dict[str, Any] = operator.get("/v1/operator/audit")
    assert set(answer) == {"checked", "violations", "unchecked"}
    assert "wallet transfers_sum_to_zero" in answer["checked"]


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None]) -> None:
    """operator."""
    guarded("audit", "/v1/operator/audit")
