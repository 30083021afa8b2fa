"""What was found of invariants is kept for whoever watches, by database, and for a while."""

import secrets
from datetime import UTC, datetime

from shared.redis.last_checks import KEPT_SECONDS, LastCheck, last, note
from shared.resources import Resources


def test_the_last_check_is_kept(resources: Resources) -> None:
    """That of its database, the latest, as long as somebody goes on checking."""
    pipeline, database = resources.pipeline(), f"checked_{secrets.token_hex(4)}"
    assert last(pipeline, database) is None
    for held in (True, False):
        check = LastCheck(datetime(2026, 11, 30, tzinfo=UTC), {"money_sums_to_zero": held})
        note(pipeline, database, check)
        assert last(pipeline, database) == check
    assert last(pipeline, f"{database}_other") is None
    (seconds,) = pipeline.execute([("TTL", f"invariants:{database}")])
    assert KEPT_SECONDS - 60 < seconds <= KEPT_SECONDS
