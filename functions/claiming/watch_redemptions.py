"""Watch the contract for claims that it has honoured, whoever sent their vouchers."""

from functools import partial

from functions.claiming.domain.redemption import HonouredClaim
from functions.claiming.ports import RedeemingWork, RedemptionWork
from shared.chain.core.block_scanner import Cursor, scan_next
from shared.jobs.items import for_each

JOB, BATCH = "watch_redemptions", 500
"""The job's name, and how many claims one run handles; the next run follows within seconds."""


def watch_redemptions(work: RedeemingWork) -> dict[str, int]:
    """Read the next blocks. Returns how many blocks, claims processed and undone, and failures there were.

    Honoured claims are stored in the transaction that advances the cursor, then applied one by one, so that one that
    cannot be saved blocks no other. After a reorganisation deeper than the confirmations, claims that are found again
    stay processed; the others are redeemed once more. Raises Unavailable.
    """
    if not work.has_chain:
        return {"blocks": 0, "processed": 0, "undone": 0, "failed": 0}
    stretch = scan_next(work.contract, work, _cursor, work.contract.honoured)
    if stretch:
        with work.transaction() as writing:
            writing.cursor.advance(stretch.since, stretch.reached)
            writing.claims.record_honoured(stretch.found)
    with work.transaction() as reading:
        pending = reading.claims.pending_honoured(work.contract.chain_id, work.now(), BATCH)
    applied = for_each(JOB, pending, lambda each: each.key.hex(), partial(_apply, work), work)
    with work.transaction() as reading:
        orphaned = reading.claims.orphaned(work.contract.chain_id, work.now(), BATCH)
    undone = for_each(JOB, orphaned, str, partial(_undo, work), work)
    blocks, failed = stretch.blocks if stretch else 0, applied.failed + undone.failed
    return {"blocks": blocks, "processed": sum(applied.results), "undone": sum(undone.results), "failed": failed}


def _apply(work: RedeemingWork, each: HonouredClaim) -> bool:
    """Apply a stored honoured claim. Returns whether the claim is newly processed."""
    with work.transaction() as writing:
        if not writing.claims.consume_honoured(each):
            return False  # another run was faster, or the block was orphaned
        claim = writing.claims.lock_honoured(each.key, work.contract.chain_id)
        if claim is None or not claim.visible:  # a claim without a voucher cannot be honoured
            return False
        writing.claims.save(claim, claim.processed(each.redemption, writing.now(), each.recipient))
        return claim.status != "processed"


def _undo(work: RedeemingWork, claim_id: str) -> bool:
    """Undo a redemption whose block was orphaned. Returns false if it no longer is."""
    with work.transaction() as writing:
        claim = writing.claims.lock_claim(claim_id)
        if claim.orphaned:
            writing.claims.save(claim, claim.redemption_undone(writing.now()))
        return claim.orphaned


def _cursor(work: RedemptionWork) -> Cursor:
    return work.cursor
