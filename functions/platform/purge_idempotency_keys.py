"""Purge expired idempotency keys in every service."""

from typing import Final

from functions.platform.ports import ServicesWork

BATCH: Final = 1000
ROUNDS: Final = 20
"""The most batches in one run, so that transactions are short and a run ends. The rest waits for the next run."""


def purge_idempotency_keys(work: ServicesWork) -> dict[str, int]:
    """Purge batch by batch while any service has a full one. Returns how many keys were deleted."""
    expired = 0
    for _ in range(ROUNDS):
        purged = work.services.purge_idempotency_keys(BATCH)
        expired += sum(purged.values())
        if max(purged.values()) < BATCH:
            break
    return {"expired": expired}
