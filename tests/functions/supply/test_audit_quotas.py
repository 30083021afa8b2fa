"""The audit between cells: what was received is a prefix of what was given."""

from collections.abc import Callable

import pytest

from functions.supply.domain.quota import INVARIANT, GrantStream, GrantSum, contradictions
from shared.contracts.gen.supply_pb2 import AuditQuotasRequest, GrantUnitsRequest
from tests.functions.supply.cells import Cells
from tests.functions.supply.phases import open_phase
from tests.functions.supply.test_credit_units import sell


def audit(shop: Cells, name: str) -> tuple[list[str], list[str], list[str]]:
    """What a cell's audit has checked and not checked, and the subjects that it reports."""
    answer = shop[name].run("audit_quotas", request=AuditQuotasRequest())
    return list(answer.checked), list(answer.unchecked), [each.subject for each in answer.violations]


def test_a_prefix_is_in_order(shop: Cells) -> None:
    """Nothing received, a part of it, and all of it."""
    _, supply = sell(shop, quantity=30, phases=[open_phase("Early", cap=9)])
    for _ in range(3):
        shop["us"].run("grant_units", request=GrantUnitsRequest(supply_id=supply.id, asker="eu", units=1))
    grants = [e for e in shop.events("us") if e.stream.startswith("quo_us_eu") and e.data["supply_id"] == supply.id]
    assert len(grants) == 4
    for grant in grants:
        assert audit(shop, "eu") == ([INVARIANT], [], [])
        shop.hand(grant)
    assert audit(shop, "eu") == ([INVARIANT], [], [])


@pytest.mark.parametrize(
    "change",
    [
        "units_received = units_received + 1",
        "rights_received = '{\"Early\": 4}'",
        "received = received + 1",
        "received = received - 1",
    ],
)
def test_what_was_not_given_so_is_found(shop: Cells, change: str) -> None:
    """Units or rights from nowhere, a version that the giver does not have, or one that counted twice."""
    _, supply = sell(shop, quantity=30, phases=[open_phase("Early", cap=9)])
    shop["us"].run("grant_units", request=GrantUnitsRequest(supply_id=supply.id, asker="as", units=1))
    shop.carry()
    assert audit(shop, "as")[2] == []
    with shop["as"].superuser("supply") as connection:
        where = f"WHERE supply_id = '{supply.id}' AND peer = 'us'"
        connection.run(f"CREATE TEMP TABLE kept AS SELECT * FROM quota_streams {where}")
        connection.run(f"UPDATE quota_streams SET {change} {where}")
        try:
            assert audit(shop, "as") == ([INVARIANT], [], [f"{supply.id} us"])
        finally:
            columns = ("received", "units_received", "rights_received")
            back = ", ".join(f"{each} = (SELECT {each} FROM kept)" for each in columns)
            connection.run(f"UPDATE quota_streams SET {back} {where}")


def test_who_does_not_answer_leaves_it_unchecked(shop: Cells) -> None:
    """The others are compared."""
    sell(shop, quantity=30)
    shop.carry()
    with shop.cut("us"):
        assert audit(shop, "eu") == ([], [INVARIANT], [])
    assert audit(shop, "eu") == ([INVARIANT], [], [])


def test_sums_are_compared_by_stream() -> None:
    """Rights of nothing are none; what the giver does not know at all is a contradiction."""
    one, two = GrantStream("s", "us"), GrantStream("t", "us")
    received = [GrantSum(one, 2, 5, {"a": 1, "b": 0}), GrantSum(two, 1, 1)]
    assert contradictions(received, [GrantSum(one, 2, 5, {"a": 1}), GrantSum(two, 1, 1)]) == []
    assert [subject for subject, _ in contradictions(received, [GrantSum(one, 2, 5, {"a": 1})])] == ["t us"]


@pytest.mark.parametrize("name", ["audit_quotas", "sum_grants"])
def test_only_those_may_ask(only_for_callers: Callable[[str], None], name: str) -> None:
    """The platform, and the supply service of another cell."""
    only_for_callers(name)
