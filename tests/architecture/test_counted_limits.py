"""Limits that are counted from rows: whoever counts holds a lock that a statement before it took.

A statement sees the database as it was when it began. One that waits for a lock and counts in the same breath counts
what there was before it waited, so that two at once both find room for one.
"""

import re
from typing import Final

import pytest

from tests.architecture.house import FUNCTIONS, ROOT

UNDER_LOCK: Final = {
    "notification/count_webhooks": "lock_owner",
    "notification/take_deliveries": "lock_taking",
    "supply/count_taken": "lock_stock",
    "supply/find_on_sale": "lock_stock",
}
"""The queries by which a limit is decided, each with the one that is run before it in the same transaction."""

DECIDE_NOTHING: Final = {
    "supply/move_stock",
    "supply/take_in_phases",
    "supply/give_back_in_phases",
    "supply/find_sold_out",
    "wallet/balances_at",
    "wallet/booked",
    "wallet/booked_beyond",
    "wallet/picture_at",
    "wallet/change_held",
    "jobs/count_failures",
    "outbox/list_parked",
    "outbox/count_parked",
    "outbox/find_redrivable",
    "outbox/count_redrivable",
}
"""Sums that are shown, or of what a command brings with it."""

DECIDERS: Final = {
    "notification/create_webhook.py": ["webhooks.lock_owner(", "webhooks.count("],
    "notification/store/webhooks.py": ["SQL.lock_taking(", "SQL.take_deliveries("],
    "supply/reserve_stock.py": ["stock.lock(", "stock.taken(", "stock.on_sale("],
}
"""Where it is decided, by calls in their order."""

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
    """One that is new is either decided by under a lock, or decides nothing."""
    counting = {name for name, text in statements().items() if COUNTS.search(text)}
    assert counting == UNDER_LOCK.keys() | DECIDE_NOTHING


@pytest.mark.parametrize(("query", "lock"), UNDER_LOCK.items())
def test_the_lock_is_a_statement_of_its_own(query: str, lock: str) -> None:
    """It locks and does not count; what counts does not wait for what it counts."""
    service = query.split("/", maxsplit=1)[0]
    text = statements()[f"{service}/{lock}"]
    assert LOCKS.search(text)
    assert not COUNTS.search(text)
    assert not re.search(r"FOR UPDATE(?! SKIP LOCKED)|pg_advisory_xact_lock", statements()[query])


@pytest.mark.parametrize(("module", "calls"), DECIDERS.items())
def test_who_decides_locks_first(module: str, calls: list[str]) -> None:
    """The lock's call stands before those that count."""
    text = (FUNCTIONS / module).read_text(encoding="utf-8")
    places = [text.index(call) for call in calls]
    assert places == sorted(places)
