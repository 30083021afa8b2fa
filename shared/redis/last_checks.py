"""What a service's relay found when it last checked the invariants: in Redis for a while, for whoever watches.

Checking them reads much. A relay does so each minute, for its metrics, and whoever is asked for it shows what it found.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from shared.decoding import ready

if TYPE_CHECKING:
    from shared.redis.pipeline import Pipeline

KEPT_SECONDS: Final = 600
"""How long a check is shown: a relay that has not checked for so long is gone, or its database is."""


class LastCheck(msgspec.Struct, frozen=True):
    """When the invariants of a service were checked, and by name whether each held."""

    at: datetime
    held: dict[str, bool]


def note(pipeline: "Pipeline", database: str, check: LastCheck) -> None:
    """Keep what was found in a database. Raises Unavailable."""
    pipeline.execute([("SET", _key(database), msgspec.json.encode(check), "EX", KEPT_SECONDS)])


def last(pipeline: "Pipeline", database: str) -> LastCheck | None:
    """What was found in a database last; None if it was not checked lately. Raises Unavailable."""
    (kept,) = pipeline.execute([("GET", _key(database))])
    return None if kept is None else msgspec.json.decode(kept, type=ready(LastCheck))


def _key(database: str) -> str:
    return f"invariants:{database}"
