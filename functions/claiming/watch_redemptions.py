"""Hear from the contract which claims it has honoured, whoever brought their vouchers."""

from functools import partial

from functions.claiming.domain.redeeming import Honoured
from functions.claiming.redeeming import RedeemingWork, RedemptionWork
from shared.contracts.watching import Cursor, read_on
from shared.jobs.items import for_each

JOB, BATCH = "watch_redemptions", 500
"""The row's name, and how many claims are looked after in one run; the next one follows in seconds."""


def watch_redemptions(work: RedeemingWork) -> dict[str, int]:
    """Read the chain on from where it was left. Returns how many blocks, claims processed and undone, and failed.

    What is found is stored as the cursor moves on, then applied one by one: one that cannot be saved stops no other.
    After a deep reorganisation claims found again stay processed, others are redeemed anew. Raises Unavailable.
    """
    if not work.has_chain:
        return {"blocks": 0, "processed": 0, "undone": 0, "failed": 0}
    stretch = read_on(work.contract, work, _cursor, work.contract.honoured)
    if stretch:
        with work.transaction() as writing:
            writing.cursor.advance(stretch.since, stretch.reached)
            writing.claims.note(stretch.found)
    with work.transaction() as reading:
        noted = reading.claims.noted(work.contract.chain_id, work.now(), BATCH)
    heard = for_each(JOB, noted, lambda each: each.key.hex(), partial(_hear, work), work)
    with work.transaction() as reading:
        doubted = reading.claims.doubted(work.contract.chain_id, work.now(), BATCH)
    undone = for_each(JOB, doubted, str, partial(_undo, work), work)
    blocks, failed = stretch.blocks if stretch else 0, heard.failed + undone.failed
    return {"blocks": blocks, "processed": sum(heard.results), "undone": sum(undone.results), "failed": failed}


def _hear(work: RedeemingWork, each: Honoured) -> bool:
    """Whether a claim is processed by what was noted of it."""
    with work.transaction() as writing:
        if not writing.claims.take_note(each):
            return False  # another run was faster, or the block is gone
        claim = writing.claims.lock_honoured(each.key, work.contract.chain_id)
        if claim is None or not claim.shown:  # what was never handed out cannot be honoured
            return False
        writing.claims.save(claim, claim.processed(each.redemption, writing.now(), each.recipient))
        return claim.status != "processed"


def _undo(work: RedeemingWork, claim_id: str) -> bool:
    """Whether a claim whose block is gone has to be redeemed once more."""
    with work.transaction() as writing:
        claim = writing.claims.lock_claim(claim_id)
        if claim.doubted:
            writing.claims.save(claim, claim.undone(writing.now()))
        return claim.doubted


def _cursor(work: RedemptionWork) -> Cursor:
    return work.cursor
