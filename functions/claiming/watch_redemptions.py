"""Hear from the contract which claims it has honoured, whoever brought their vouchers."""

from functions.claiming.redeeming import RedeemingWork, RedemptionWork
from shared.contracts.watching import Cursor, read_on


def watch_redemptions(work: RedeemingWork) -> dict[str, int]:
    """Read the chain on from where it was left. Returns how many blocks, claims processed and undone.

    Where the chain was reorganised deeper than the confirmations it is read again: claims that are found again stay
    processed, wherever they are now; those that are not by then are redeemed once more. Raises Unavailable.
    """
    done = {"blocks": 0, "processed": 0, "undone": 0}
    stretch = read_on(work.contract, work, _cursor, work.contract.honoured) if work.has_chain else None
    if stretch is None:
        return done
    with work.transaction() as writing:
        writing.cursor.advance(stretch.since, stretch.reached)
        for each in stretch.found:
            claim = writing.claims.lock_honoured(each.key, work.contract.chain_id)
            if claim and claim.shown:  # what was never handed out cannot be honoured
                writing.claims.save(claim, claim.processed(each.redemption, writing.now()))
                done["processed"] += claim.status != "processed"
        for claim in writing.claims.doubted(work.contract.chain_id, stretch.reached.number):
            writing.claims.save(claim, claim.undone(writing.now()))
            done["undone"] += 1
    return {**done, "blocks": stretch.blocks}


def _cursor(work: RedemptionWork) -> Cursor:
    return work.cursor
