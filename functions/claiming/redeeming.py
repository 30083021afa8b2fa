"""What the redemption of claims may ask for, beside what ports.py has."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol

from functions.claiming.domain.claim import Claim
from functions.claiming.domain.errors import RecipientFixed
from functions.claiming.domain.redeeming import Failure, Honoured, Patience
from functions.claiming.ports import ClaimingWork, ClaimWork, HonouringContract, Vouchers
from shared.chains import Call, Header, Reading
from shared.contracts.sending import Dispatcher, Sender, Sendings
from shared.contracts.watching import Blocks, Cursor
from shared.errors import Contended
from shared.jobs.items import Failures


class Contract(Blocks, HonouringContract, Protocol):
    """The claim contract and its chain."""

    chain_id: int

    def honoured(self, again: Sequence[Header], fresh: Sequence[Header]) -> Reading[Honoured]:
        """The claims that it honoured in blocks, whoever brought them: as far as that is proven."""


class Relayer(Sender, Protocol):
    """The key that brings vouchers to the contract."""

    def redemption(self, claim: Claim) -> Call:
        """The call that redeems a claim's voucher. Raises CallRefused when the chain would not carry it out, or not for
        as much gas as the house pays.
        """


class RedemptionWork(ClaimWork, Protocol):
    """The work of redeeming, in one transaction."""

    failures: Failures
    sendings: Sendings
    cursor: Cursor


class RedeemingWork(Protocol):
    """The work of what redeems: transactions of its own, never open while it speaks with the chain."""

    vouchers: Vouchers
    voucher_ttl_seconds: int
    redeem_after: timedelta
    patience: Patience

    @property
    def contract(self) -> Contract:
        """The claim contract. Raises Unavailable where there is no chain."""

    @property
    def relayer(self) -> Relayer:
        """Who redeems in the house's name. Raises Unavailable where there is no chain."""

    @property
    def has_chain(self) -> bool:
        """Whether there is a node of the claim contract's chain here."""

    @property
    def relays(self) -> bool:
        """Whether the house redeems what is claimed; otherwise it is ready for the buyer to."""

    def now(self) -> datetime:
        """The present."""

    def chance(self) -> float:
        """A number from 0 to 1, by chance."""

    def transaction(self) -> AbstractContextManager[RedemptionWork]:
        """Work of its own transaction, committed at the end."""


def dispatcher(job: str, work: RedeemingWork) -> Dispatcher[RedemptionWork]:
    """What sends the relayer's calls for a row. Raises Unavailable where there is no chain."""
    return Dispatcher(job, work.relayer, work)


def reissued(claim: Claim, vouchers: Vouchers, ttl_seconds: int, recipient: str, at: datetime) -> Claim:
    """A claim with a fresh voucher: the same claim id and nonce, so that the contract honours it once all the same.

    recipient: whom it is made out to.
    """
    # In whole seconds, as the contract counts: what is repeated is never a voucher that it no longer takes.
    deadline = (at + timedelta(seconds=ttl_seconds)).replace(microsecond=0)
    return claim.handed_out(recipient, vouchers.sign(claim.terms(recipient, deadline)), deadline, at)


def redeemable(claim: Claim, work: RedeemingWork) -> Claim:
    """The claim with a voucher that the contract takes: one past its deadline is reissued first. Raises Contended."""
    if claim.lasts(work.now()):
        return claim
    after = reissued(claim, work.vouchers, work.voucher_ttl_seconds, claim.recipient or "", work.now())
    with work.transaction() as writing:
        writing.claims.save(unchanged(claim, writing), after)
    return after


def see_undelivered(claim: Claim, work: ClaimingWork) -> None:
    """See to it that no voucher of a claim was honoured, and that nothing of the house's may have one honoured yet.

    Raises RecipientFixed, Unavailable. That the contract honours one of all vouchers does not rest on this; whom it is
    shown to be for does, as far as the house redeems it.
    """
    with work.transaction() as reading:
        sent = reading.claims.sent(claim)
    mined = {sender: work.contract.mined_of(sender) for sender in {each.sender for each in sent}}
    if not claim.left_by(sent, mined) or work.contract.has_honoured(claim.id):
        raise RecipientFixed


def unchanged(claim: Claim, writing: ClaimWork) -> Claim:
    """A claim as it was read, locked. Raises Contended when it has changed since."""
    if writing.claims.lock_claim(claim.id) != claim:
        raise Contended
    return claim


def concluded(claim: Claim, *, honoured: bool, failure: Failure, work: RedeemingWork) -> Claim:
    """A claim after an attempt that is over. One that the contract has honoured waits to be heard of by that."""
    if honoured:
        return claim.put_off(work.now() + work.patience.longest)
    return claim.missed(failure, work.patience, work.now(), work.chance())
