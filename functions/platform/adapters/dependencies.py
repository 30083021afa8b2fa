"""Probes of the databases and stores that requests depend on."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from shared.errors import Unavailable
from shared.outbox.replication import lag_by_cell
from shared.registry import load
from shared.resources import Resources


class ProbedDependencies:
    """The databases and stores that requests depend on, probed on each check."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._databases = [name for name, service in load().services.items() if service.database]

    def check(self) -> Mapping[str, str]:
        checks: dict[str, Callable[[], Any]] = {"firestore": self._firestore, "redis": self._redis}
        checks |= {f"database {name}": partial(self._database, name) for name in self._databases}
        return {name: _state(probe) for name, probe in checks.items()}

    def breakers(self) -> Mapping[str, str]:
        return {reading.name: reading.state for reading in self._resources.breakers()}

    def needed(self) -> frozenset[str]:
        return frozenset({"firestore", *(f"database {name}" for name in self._databases)})

    def lags(self) -> Mapping[str, float | None]:
        others, found = self._resources.settings.other_cells, dict[str, float | None]()
        for service in self._databases if others else ():
            if rows := [row for row in load().of(service) if row.cells != "own" and not load().in_documents(row)]:
                with self._resources.database(service).transaction() as transaction:
                    behind = lag_by_cell(transaction, rows, others, self._resources.clock)
                found = {cell: _longer(found.get(cell, 0.0), behind[cell]) for cell in others}
        return found

    def _database(self, name: str) -> None:
        with self._resources.database(name).transaction() as transaction:
            transaction.run("select 1 as one", {})

    def _firestore(self) -> None:
        self._resources.firestore().document("platform/ready").get(timeout=2, retry=None)

    def _redis(self) -> None:
        self._resources.redis().ping()


def _longer(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else round(max(one, other), 3)


def _state(probe: Callable[[], Any]) -> str:
    """`ok`, or the error of a probe."""
    try:
        probe()
    except Unavailable as error:
        return error.detail
    except Exception as error:  # noqa: BLE001 - a probe reports every failure
        return type(error).__name__
    return "ok"
