"""The queries of the supply service, and the decoding of phases and of units in them from its rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from functions.supply.domain.entitlement import PhaseUnits
from functions.supply.domain.phases import Phase
from shared.money import Amount
from shared.postgres.queries import queries

SQL: Final = queries(Path(__file__).parent.parent / "sql" / "queries.sql")


def phases_of(stored: Sequence[dict[str, Any]]) -> tuple[Phase, ...]:
    """Phases from a row's JSON, with amounts and times as texts."""
    return tuple(
        Phase(
            **{
                **phase,
                "starts_at": datetime.fromisoformat(phase["starts_at"]),
                "ends_at": phase["ends_at"] and datetime.fromisoformat(phase["ends_at"]),
                "unit_price": phase["unit_price"] and Amount(phase["unit_price"]),
            }
        )
        for phase in stored
    )


def phase_units(stored: Mapping[str, Sequence[int]]) -> dict[str, PhaseUnits]:
    """A cell's units by phase, from a row's JSON."""
    return {phase: PhaseUnits(*units) for phase, units in stored.items()}
