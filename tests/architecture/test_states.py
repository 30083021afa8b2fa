"""Nothing waits for ever: every non-final state has a job that takes it up at a stored due time."""

import dataclasses
import re
import typing
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest

from functions.order.adapters.postgres import STAGES
from functions.order.domain.order import Order
from shared.registry import load
from tests.architecture.codebase import FUNCTIONS, JOBS, SERVICES, modules, name_of

OWNERS = {"Supply", "OnSale", "Wallet", "Webhook"}
"""Entities without due states: their owners decide about them."""

KEYS = {"sendings": {"pending": {"track_withdrawals", "track_redemptions"}}}
"""Tables of shared packages, which no domain entity represents."""

FOLLOWED = {"sent", "unattributed"}
"""States that end with what they are bound to: a transaction of the platform, or blocks of the chain."""


def values(hint: Any) -> set[str]:
    """The strings of a Literal, or of a union of Literals; none for any other type."""
    if typing.get_origin(hint) is typing.Literal:
        return {value for value in typing.get_args(hint) if isinstance(value, str)}
    return {value for part in typing.get_args(hint) for value in values(part)}


def entities() -> dict[type, set[str]]:
    """The domain dataclasses that have a status or stage, with its values."""
    found = {}
    for path in modules("functions"):
        if "domain" not in path.parts:
            continue
        for kind in vars(import_module(name_of(path))).values():
            if not dataclasses.is_dataclass(kind) or kind.__module__ != name_of(path):
                continue
            hints = typing.get_type_hints(kind)
            states = values(hints.get("stage", hints.get("status")))
            if states and isinstance(kind, type):
                found[kind] = states
    return found


STATES = entities()
ENTITIES = {kind: states for kind, states in STATES.items() if kind.__name__ not in OWNERS}


@pytest.mark.parametrize("kind", ENTITIES, ids=lambda kind: kind.__name__)
def test_every_state_is_final_or_looked_after(kind: Any) -> None:
    """Exactly one of both; the latter by a job."""
    assert set(kind.looked_after) | kind.ends == ENTITIES[kind]
    assert set(kind.looked_after) & kind.ends == set()
    assert set(kind.looked_after.values()) <= {row.name for row in JOBS}


def test_there_are_entities() -> None:
    """The entities with due states are found."""
    names = {kind.__name__ for kind in ENTITIES}
    assert {"Order", "Hold", "Reservation", "Escrow", "Claim", "Withdrawal", "Deposit", "Delivery"} <= names


@pytest.mark.parametrize("service", SERVICES)
def test_every_table_with_a_status_is_an_entitys(service: str) -> None:
    """The states that the database allows are those of an entity of the service, or of a shared package."""
    owned = [kind for kind in STATES if kind.__module__.startswith(f"functions.{service}.")]
    for path in (FUNCTIONS / service / "sql" / "migrations").glob("*.sql"):
        for table, body in re.findall(r"CREATE TABLE (\w+) \((.*?)\n\);", path.read_text(encoding="utf-8"), re.DOTALL):
            for states in re.findall(r"\bstatus\s+text[^,]*?CHECK \(status IN \(([^)]*)\)\)", body):
                stored = set(re.findall(r"'(\w+)'", states))
                known = table in KEYS or any(stored <= STATES[kind] for kind in owned)
                assert known, f"{table}: {stored}"


STAGE_ROWS = [(stage, row) for stage, row in Order.looked_after.items() if row in STAGES]


@pytest.mark.parametrize(("stage", "row"), STAGE_ROWS)
def test_an_order_has_a_due_time_at_which_its_row_takes_it(stage: Any, row: Any) -> None:
    """In each stage that the order service itself advances."""
    now = datetime.now(UTC)
    order = Order(
        *("ord_us_x", "usr_us_x", "wal_us_x", "0x", "usr_us_y", "USDC", 1, 250, ()),
        expires_at=now + timedelta(hours=1),
        created_at=now,
        updated_at=now,
        stage=stage,
        paid_at=now,
    )
    due = order.due_at(timedelta(days=7))
    assert due is not None
    assert due <= now + timedelta(days=7)
    assert stage in STAGES[row]


@pytest.mark.parametrize("kind", [kind for kind in ENTITIES if kind is not Order], ids=lambda kind: kind.__name__)
def test_a_row_of_the_same_service_asks_for_the_state(kind: Any) -> None:
    """The service's queries name each state, so that a new state needs a query too."""
    service = kind.__module__.split(".")[1]
    texts = "\n".join(path.read_text(encoding="utf-8") for path in (FUNCTIONS / service / "sql").glob("*.sql"))
    for state, row in kind.looked_after.items():
        if load().rows[row].service == service and state not in FOLLOWED:
            assert re.search(rf"status (= '{state}'|IN \([^)]*'{state}')", texts), state
