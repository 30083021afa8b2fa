"""Have every service forget the idempotency keys that are past their time."""

from typing import Final

from functions.platform.ports import ServicesWork

BATCH: Final = 1000
ROUNDS: Final = 20
"""Batches in one run: short transactions, and an end. What is left is the next run's."""


def expire_keys(work: ServicesWork) -> dict[str, int]:
    """Forget them, batch by batch, as long as there are more. Returns how many."""
    expired = 0
    for _ in range(ROUNDS):
        forgotten = work.services.forget_keys(BATCH)
        expired += sum(forgotten.values())
        if max(forgotten.values()) < BATCH:
            break
    return {"expired": expired}
