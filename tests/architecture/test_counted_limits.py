"""Limits that are counted from rows: the count runs under a lock that an earlier statement has taken.

A statement sees the database as of its start. One that waits for a lock and counts at the same time counts the rows of
before the wait, so that two concurrent ones both find room for one more.
"""

import re
from typing import Final

import pytest

from tests.architecture.codebase import FUNCTIONS, ROOT

UNDER_LOCK: Final = {
    "notification/count_webhooks": "lock_owner",
    "notification/take_deliveries": "lock_taking",
    "supply/count_taken": "lock_stock",
    "supply/find_on_sale": "lock_stock",
    "supply/find_account": "lock_stock",
}
"""The queries that decide a limit, each with the locking query that runs before it in the same transaction."""

DECIDE_NOTHING: Final = {
    "supply/move_stock",
    "supply/take_in_phases",
    "supply/return_to_phases",
    "supply/find_sold_out",
    "supply/is_sold_out",
    "supply/note_given",
    "supply/note_received",
    "supply/sum_grants",
    "wallet/balances_at",
    "wallet/money",
    "wallet/booked",
    "wallet/booked_beyond",
    "wallet/list_balances_at",
    "wallet/change_held",
    "wallet/sum_sent",
    "wallet/sum_arrived",
    "jobs/count_failures",
    "outbox/list_parked",
    "outbox/count_parked",
    "outbox/find_redrivable",
    "outbox/count_redrivable",
    "outbox/measure_unsent",
    "order/meridian_orders",
    "claiming/meridian_claims",
    "notification/meridian_deliveries",
    "supply/meridian_quota_units",
    "supply/meridian_stock_units",
}
"""Counts and sums that are only shown, or that are over a command's own input."""

DECIDERS: Final = {
    "notification/create_webhook.py": ["webhooks.lock_owner(", "webhooks.count("],
    "notification/adapters/webhooks.py": ["SQL.lock_taking(", "SQL.take_deliveries("],
    "supply/reserve_stock.py": ["stock.lock(", "stock.read("],
    "supply/adapters/stock.py": ["SQL.lock_stock(", "SQL.count_taken(", "SQL.find_on_sale("],
    "supply/adapters/quotas.py": ["def give(", "_stock.lock([supply_id])", "account.give("],
}
"""Where limits are decided, with the calls in order."""

NAMED: Final = re.compile(r"^-- name: (\w+)[!$^]?\n(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)
COUNTS: Final = re.compile(r"\b(count|sum)\(|FROM phase_stock", re.IGNORECASE)
LOCKS: Final = re.compile(r"FOR UPDATE|pg_advisory_xact_lock")


def statements() -> dict[str, str]:
    """Every named query by its service or package and its name, without comments."""
    found = {}
    for path in sorted([*FUNCTIONS.glob("*/sql/*.sql"), *(ROOT / "shared").glob("*/sql/*.sql")]):
        if path.name.startswith("audit"):
            continue
        for name, text in NAMED.findall(path.read_text(encoding="utf-8")):
            found[f"{path.parent.parent.name}/{name}"] = re.sub(r"--.*", "", text)
    return found


def test_every_query_that_counts_is_known() -> None:
    """A new query is either one that decides under a lock, or one that decides nothing."""
    counting = {name for name, text in statements().items() if COUNTS.search(text)}
    assert counting == UNDER_LOCK.keys() | DECIDE_NOTHING


@pytest.mark.parametrize(("query", "lock"), UNDER_LOCK.items())
def test_the_lock_is_a_statement_of_its_own(query: str, lock: str) -> None:
    """It locks and does not count; the counting query does not wait for locks."""
    service = query.split("/", maxsplit=1)[0]
    text = statements()[f"{service}/{lock}"]
    assert LOCKS.search(text)
    assert not COUNTS.search(text)
    assert not re.search(r"FOR UPDATE(?! SKIP LOCKED)|pg_advisory_xact_lock", statements()[query])


@pytest.mark.parametrize(("module", "calls"), DECIDERS.items())
def test_who_decides_locks_first(module: str, calls: list[str]) -> None:
    """The locking call comes before the counting ones."""
    text = (FUNCTIONS / module).read_text(encoding="utf-8")
    places = [text.index(call) for call in calls]
    assert places == sorted(places)
