"""Redemption of claims: reissuing vouchers, sending them to the contract, retrying."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from functions.claiming.domain.claim import Claim
from functions.claiming.domain.errors import RecipientFixed
from functions.claiming.domain.redemption import Failure
from functions.claiming.ports import ClaimingWork, ClaimWork, RedeemingWork, RedemptionWork, Vouchers
from shared.chain.core.dispatcher import Dispatcher, NonceStore
from shared.errors import Contended


def dispatcher(job: str, work: RedeemingWork) -> Dispatcher[RedemptionWork]:
    """The dispatcher of the relayer's calls for a job. Raises Unavailable when no chain is configured."""
    return Dispatcher(job, work.relayer, work)


def former_dispatchers(job: str, work: RedeemingWork) -> Iterator[tuple[str, Dispatcher[RedemptionWork]]]:
    """The keys of regions that have served this cell before, while calls of theirs are pending, and their dispatchers.

    What was signed with them is broadcast again and followed to its end; nothing more is signed.
    """
    with work.transaction() as reading:
        others = reading.nonces.others()
    for sender in others:
        yield sender, Dispatcher(job, work.former_relayer(sender), work, nonces=partial(_nonces_of, sender))


def _nonces_of(sender: str, transaction: RedemptionWork) -> NonceStore:
    return transaction.nonces.of(sender)


def reissued(claim: Claim, vouchers: Vouchers, ttl_seconds: int, recipient: str, at: datetime) -> Claim:
    """A claim with a new voucher. Claim id and nonce stay the same, so that the contract honours only one voucher."""
    # In whole seconds, as the contract counts, so that no voucher is returned that the contract no longer accepts.
    deadline = (at + timedelta(seconds=ttl_seconds)).replace(microsecond=0)
    return claim.with_voucher(recipient, vouchers.sign(claim.terms(recipient, deadline)), deadline, at)


def redeemable(claim: Claim, work: RedeemingWork) -> Claim:
    """The claim with a valid voucher: one past its deadline is reissued first. Raises Contended."""
    if claim.has_valid_voucher(work.now()):
        return claim
    after = reissued(claim, work.vouchers, work.voucher_ttl_seconds, claim.recipient or "", work.now())
    with work.transaction() as writing:
        writing.claims.save(lock_unchanged(claim, writing), after)
    return after


def ensure_undelivered(claim: Claim, work: ClaimingWork) -> None:
    """Ensure that no voucher of a claim was honoured, and that no transaction of the relayer can still redeem one.

    Raises RecipientFixed, Unavailable. The contract honours only one voucher in any case; this check keeps the
    recipient that the API shows from differing from the one that the relayer delivers to.
    """
    with work.transaction() as reading:
        sent = reading.claims.sent(claim)
    mined = {sender: work.contract.transaction_count(sender) for sender in {each.sender for each in sent}}
    if not claim.none_can_be_mined(sent, mined) or work.contract.has_honoured(claim.id):
        raise RecipientFixed


def lock_unchanged(claim: Claim, writing: ClaimWork) -> Claim:
    """Lock a claim that was read before. Raises Contended when it has changed since."""
    if writing.claims.lock_claim(claim.id) != claim:
        raise Contended
    return claim


def after_attempt(claim: Claim, *, honoured: bool, failure: Failure, work: RedeemingWork) -> Claim:
    """A claim after an attempt has ended. An honoured one is postponed until watch_redemptions sees it."""
    if honoured:
        return claim.postponed(work.now() + work.retry_policy.longest)
    return claim.attempt_failed(failure, work.retry_policy, work.now(), work.chance())
