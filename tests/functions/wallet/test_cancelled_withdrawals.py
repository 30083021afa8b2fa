"""A withdrawal fails only once the vault has cancelled its payment: that and a payment race in the contract."""

from datetime import timedelta
from functools import partial

import pytest

from functions.wallet.adapters.cancellations import PostgresCancellations
from functions.wallet.adapters.custody import PostgresWithdrawals
from functions.wallet.adapters.vault import ChainTreasury
from functions.wallet.custody_views import WithdrawalView
from functions.wallet.domain.proof import CANCELLED
from shared.chain.abi import encoded
from shared.chain.ethereum import keccak
from shared.chain.nonce_store import PostgresNonceStore
from shared.contracts.gen.wallet_pb2 import AuditCustodyRequest
from tests.functions.wallet.custody import FUNDS, STRANGER, Crash, Custody, an_address, crash
from tests.isolated_services import IsolatedUser
from tests.races import all_at_once

LATER = timedelta(hours=1)
"""Longer than any back-off."""

TOO_MUCH = 2 * FUNDS
"""More than the vault has, so that the chain refuses to pay it."""


@pytest.fixture
def rich(custody: Custody) -> IsolatedUser:
    return custody.isolated.new_user(USDC=5 * TOO_MUCH)


def story(custody: Custody, withdrawal: WithdrawalView) -> list[str]:
    return [event.type for event in custody.isolated.stream(withdrawal.id)]


def held(custody: Custody, user: IsolatedUser) -> int:
    """What is set aside of the user's money."""
    return custody.isolated.probe.money(user.wallet_id)[1]


def cancel_elsewhere(custody: Custody, withdrawal: WithdrawalView) -> None:
    """Have a payer unknown to the ledger cancel a payment."""
    custody.payer(custody.chain.accounts[STRANGER], may=True)
    custody.chain.send(custody.vault, encoded("cancel(bytes32)", keccak(withdrawal.id.encode())), sender=STRANGER)


def test_money_stays_held_until_the_cancellation_is_deep(custody: Custody, rich: IsolatedUser) -> None:
    """Refused, sent to be cancelled, mined: not failed before it has its confirmations, though it cannot be paid."""
    withdrawal = custody.withdraw(rich, an_address(), TOO_MUCH)
    ran = custody.isolated.run("send_withdrawals")
    assert (ran["refused"], ran["cancelling"]) == (1, 1)
    custody.chain.until(lambda: custody.work().vault.cancelled(withdrawal.id), "it is cancelled")
    for _ in range(2):
        custody.isolated.run("send_withdrawals")  # neither pays it nor cancels it again
        custody.isolated.run("track_withdrawals")
    assert (custody.status(withdrawal), held(custody, rich)) == ("requested", TOO_MUCH)
    custody.chain.mine(custody.isolated.settings.chain_confirmations + 1)
    custody.isolated.run("track_withdrawals")
    assert (custody.status(withdrawal), held(custody, rich)) == ("failed", 0)
    assert story(custody, withdrawal) == ["withdrawal.requested", "withdrawal.failed"]
    custody.watch()
    audited = custody.isolated.run("audit_custody", request=AuditCustodyRequest())
    assert CANCELLED in audited.checked
    assert withdrawal.id not in {breach.subject for breach in audited.violations}


def test_a_cancellation_that_is_orphaned_fails_nothing(custody: Custody, rich: IsolatedUser) -> None:
    """The block of `Cancelled` is reorganised away: it is sent again, and counts only as deep as any other."""
    withdrawal = custody.withdraw(rich, an_address(), TOO_MUCH)
    custody.isolated.run("send_withdrawals")
    custody.chain.until(lambda: custody.work().vault.cancelled(withdrawal.id), "it is cancelled")
    custody.chain.reorganise(1)
    custody.isolated.run("track_withdrawals")
    assert (custody.status(withdrawal), held(custody, rich)) == ("requested", TOO_MUCH)
    custody.settle()
    assert (custody.status(withdrawal), held(custody, rich)) == ("failed", 0)


def test_a_payment_that_comes_first_is_a_payment(custody: Custody) -> None:
    """It is paid by somebody between the refusal and the cancellation, which reverts: completed, and never failed."""
    buyer, to = custody.isolated.new_user(USDC=5000), an_address()
    withdrawal = custody.withdraw(buyer, to)
    custody.payer(custody.signer.address, may=False)
    custody.isolated.run("send_withdrawals")  # refuses, and cannot cancel either
    assert custody.status(withdrawal) == "requested"
    custody.payer(custody.signer.address, may=True)
    paying = custody.pay_elsewhere(withdrawal)
    custody.chain.mine(custody.isolated.settings.chain_confirmations + 1)
    with custody.isolated.later(LATER):
        custody.settle()
    mined = custody.isolated.stream(withdrawal.id)[-1]
    assert (mined.type, mined.data["transaction_hash"]) == ("withdrawal.mined", paying)
    assert custody.chain.usdc(to) == 1000
    assert custody.isolated.probe.money(buyer.wallet_id) == (4000, 0)


def test_a_cancellation_that_comes_first_undoes_the_payment(custody: Custody) -> None:
    """Ours is signed and stored when somebody else cancels: it reverts, nobody is paid, and the money comes back."""
    buyer, to = custody.isolated.new_user(USDC=5000), an_address()
    withdrawal = custody.withdraw(buyer, to)
    with crash(ChainTreasury, "broadcast", after=False), pytest.raises(Crash):
        custody.isolated.run("send_withdrawals")
    cancel_elsewhere(custody, withdrawal)
    custody.settle()
    assert story(custody, withdrawal)[-1] == "withdrawal.failed"
    assert custody.chain.usdc(to) == 0
    assert custody.isolated.probe.money(buyer.wallet_id) == (5000, 0)


POINTS = [
    ("requested, not committed", PostgresCancellations, "request", True),
    ("signed, not stored", PostgresNonceStore, "store", False),
    ("stored, not counted", PostgresCancellations, "count", False),
    ("committed, not broadcast", ChainTreasury, "broadcast", False),
    ("broadcast, not recorded", ChainTreasury, "broadcast", True),
    ("failed, not committed", PostgresWithdrawals, "save", True),
]


@pytest.mark.parametrize(("owner", "method", "after"), [point[1:] for point in POINTS], ids=[p[0] for p in POINTS])
def test_a_crash_neither_loses_nor_repeats_it(
    custody: Custody, rich: IsolatedUser, owner: type, method: str, after: bool
) -> None:
    """The process dies at this point, and the next run goes on: it fails once."""
    withdrawal = custody.withdraw(rich, an_address(), TOO_MUCH)
    with crash(owner, method, after=after), pytest.raises(Crash):
        custody.settle()
    custody.settle()
    assert story(custody, withdrawal) == ["withdrawal.requested", "withdrawal.failed"]
    assert held(custody, rich) == 0


def test_nobody_has_many_cancelled_at_once(custody: Custody, rich: IsolatedUser) -> None:
    """Each costs the treasury a transaction: one user's wait for each other, and for nobody else's."""
    other = custody.isolated.new_user(USDC=TOO_MUCH)
    mine = [custody.withdraw(rich, an_address(), TOO_MUCH) for _ in range(2)]
    theirs = custody.withdraw(other, an_address(), TOO_MUCH)
    ran = custody.isolated.run("send_withdrawals")
    assert (ran["refused"], ran["cancelling"]) == (3, 2)
    assert custody.isolated.run("send_withdrawals")["cancelling"] == 0
    custody.settle()
    assert [custody.status(each) for each in (*mine, theirs)] == ["failed", "requested", "failed"]
    custody.settle()
    assert custody.status(mine[1]) == "failed"


def test_two_senders_cancel_once(custody: Custody, rich: IsolatedUser) -> None:
    """As when a worker has lost the session of its lock without noticing, and another has taken over."""
    withdrawal = custody.withdraw(rich, an_address(), TOO_MUCH)
    done = all_at_once([partial(custody.isolated.run, "send_withdrawals")] * 2)
    assert sum(ran["cancelling"] for ran in done) <= 1
    custody.settle()
    sql = "SELECT attempts FROM cancellations WHERE withdrawal_id = :id"
    assert custody.isolated.probe.rows("wallet", sql, id=withdrawal.id) == [{"attempts": 1}]
    assert (custody.status(withdrawal), held(custody, rich)) == ("failed", 0)
