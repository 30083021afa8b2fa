"""Withdrawals end once: completed if the vault has paid them, failed for good if they reverted."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from functions.wallet.adapters.vault import ChainTreasury, ChainVault
from functions.wallet.custody_views import WithdrawalView
from functions.wallet.withdrawal_completion import complete, fail
from tests.functions.wallet.custody import Crash, Custody, an_address, crash

STORY = ["withdrawal.requested", "withdrawal.sent"]


def story(custody: Custody, withdrawal: WithdrawalView) -> list[str]:
    return [event.type for event in custody.isolated.stream(withdrawal.id)]


@contextmanager
def disowned(custody: Custody) -> Iterator[None]:
    """A treasury that loses its right to pay after the estimate, so that its transactions revert."""
    sign = ChainTreasury.sign

    def late(self: ChainTreasury, *given: object) -> object:
        custody.payer(self.address, may=False)
        return sign(self, *given)  # type: ignore[arg-type]

    with patch.object(ChainTreasury, "sign", late):
        yield


def reverted(custody: Custody, withdrawal: WithdrawalView) -> str:
    """Send a withdrawal whose transaction reverts, then restore the right to pay. Returns the transaction's hash."""
    with disowned(custody):
        custody.isolated.run("send_withdrawals")
    custody.payer(custody.signer.address, may=True)
    [row] = custody.isolated.probe.rows(
        "wallet", "SELECT transaction_hash FROM withdrawals WHERE id = :id", id=withdrawal.id
    )
    receipt = custody.chain.client.receipt(row["transaction_hash"])
    assert receipt is not None
    assert not receipt.succeeded
    return str(row["transaction_hash"])


def test_a_transaction_that_found_it_paid_is_a_payment(custody: Custody) -> None:
    """Another payer was faster, and ours reverts: the withdrawal is completed with the transaction that paid."""
    buyer, to = custody.isolated.new_user(USDC=5000), an_address()
    withdrawal, sign, paying = custody.withdraw(buyer, to), ChainTreasury.sign, list[str]()

    def late(self: ChainTreasury, *given: object) -> object:
        paying.append(custody.pay_elsewhere(withdrawal))
        return sign(self, *given)  # type: ignore[arg-type]

    with patch.object(ChainTreasury, "sign", late):
        custody.isolated.run("send_withdrawals")
    custody.settle()
    assert story(custody, withdrawal) == [*STORY, "withdrawal.mined"]
    assert custody.isolated.stream(withdrawal.id)[-1].data["transaction_hash"] == paying[0]
    assert custody.chain.usdc(to) == 1000
    assert custody.isolated.probe.money(buyer.wallet_id) == (4000, 0)


def test_what_failed_is_never_sent_again(custody: Custody) -> None:
    """A failed transaction is orphaned: a no-op uses up its nonce, and the next ones follow."""
    buyer, to = custody.isolated.new_user(USDC=5000), an_address()
    withdrawal = custody.withdraw(buyer, to)
    hash_ = reverted(custody, withdrawal)
    receipt = custody.chain.client.receipt(hash_)
    custody.settle()
    custody.settle()  # its payment is cancelled
    assert story(custody, withdrawal) == [*STORY, "withdrawal.failed"]
    assert custody.isolated.probe.money(buyer.wallet_id) == (5000, 0)
    assert receipt is not None
    custody.chain.reorganise(custody.chain.client.head() - receipt.block_number + 1)
    custody.payer(custody.signer.address, may=True)
    following = custody.withdraw(buyer, an_address(), 7)
    for _ in range(2):
        custody.settle()
    assert custody.chain.usdc(to) == 0
    assert custody.chain.client.receipt(hash_) is None
    assert (custody.status(withdrawal), custody.status(following)) == ("failed", "mined")
    assert custody.isolated.probe.money(buyer.wallet_id) == (4993, 0)
    assert [nonce for nonce, _ in custody.nonces(withdrawal)] == [custody.nonces(following)[0][0] - 2] * 2


def test_a_slow_tracker_undoes_nothing(custody: Custody) -> None:
    """One run saw a revert that was orphaned since, and another booked the payment: the payment stands."""
    buyer, to = custody.isolated.new_user(USDC=5000), an_address()
    withdrawal = custody.withdraw(buyer, to)
    receipt = custody.chain.client.receipt(reverted(custody, withdrawal))
    assert receipt is not None
    custody.chain.mine(custody.isolated.settings.chain_confirmations + 1)
    paid = ChainVault.paid

    def late(*_: object) -> bool:
        with patch.object(ChainVault, "paid", paid):
            custody.chain.reorganise(custody.chain.client.head() - receipt.block_number + 1)
            custody.payer(custody.signer.address, may=True)
            custody.isolated.run("track_withdrawals")  # it is handed to the network again, and pays
            custody.settle()
        return False

    with patch.object(ChainVault, "paid", late):
        custody.isolated.run("track_withdrawals")
    assert story(custody, withdrawal) == [*STORY, "withdrawal.mined"]
    assert custody.chain.usdc(to) == 1000
    assert custody.isolated.probe.money(buyer.wallet_id) == (4000, 0)


def test_a_nonce_that_something_else_used_ends_its_call(custody: Custody) -> None:
    """The treasury's key has used the nonce for something else: the withdrawal fails once that is confirmed."""
    buyer, to = custody.isolated.new_user(USDC=5000), an_address()
    withdrawal = custody.withdraw(buyer, to)
    with crash(ChainTreasury, "broadcast", after=False), pytest.raises(Crash):
        custody.isolated.run("send_withdrawals")
    [(nonce, _)], treasury = custody.nonces(withdrawal), custody.work().treasury
    call = treasury.cancellation("elsewhere")
    treasury.broadcast(treasury.sign(call, nonce, treasury.fees(), custody.work().now()))
    custody.chain.until(lambda: treasury.next_nonce() > nonce, "it is mined")
    custody.isolated.run("track_withdrawals")
    assert custody.status(withdrawal) == "requested"
    following = custody.withdraw(buyer, an_address(), 7)
    custody.settle()
    custody.settle()
    assert (custody.status(withdrawal), custody.status(following)) == ("failed", "mined")
    assert custody.chain.usdc(to) == 0
    assert custody.isolated.probe.money(buyer.wallet_id) == (4993, 0)


def test_an_end_is_an_end(custody: Custody) -> None:
    """A mined withdrawal cannot fail, and a failed one cannot be mined: nothing moves, and no event is appended."""
    buyer = custody.isolated.new_user(USDC=5000)
    mined, failed = custody.withdraw(buyer, an_address()), custody.withdraw(buyer, an_address())
    work: Any
    with custody.work().transaction() as work:
        fail(work.withdrawals.lock(failed.id), "The transaction was reverted.", work)
    custody.settle()
    before = {each.id: story(custody, each) for each in (mined, failed)}
    with custody.work().transaction() as work:
        fail(work.withdrawals.lock(mined.id), "The transaction was reverted.", work)
        complete(work.withdrawals.lock(failed.id), "0x", work)
    assert (custody.status(mined), custody.status(failed)) == ("mined", "failed")
    assert {each.id: story(custody, each) for each in (mined, failed)} == before
    assert custody.isolated.probe.money(buyer.wallet_id) == (4000, 0)
