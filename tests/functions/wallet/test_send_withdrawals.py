"""Withdrawals are sent once, wherever the process that sends them dies."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from unittest.mock import patch

import pytest
from msgspec.structs import replace

from functions.wallet.adapters.custody import PostgresWithdrawals
from functions.wallet.adapters.holds import PostgresHolds
from functions.wallet.adapters.vault import ChainTreasury
from functions.wallet.custody_views import WithdrawalView
from functions.wallet.domain.custody import Withdrawal
from functions.wallet.requests import CreateWithdrawal
from shared.chain.abi import encoded
from shared.chain.core.values import CallRefused, ContractCall, Fees
from shared.chain.ethereum import keccak
from shared.chain.node import ChainClient, NodeRefused
from shared.chain.nonce_store import PostgresNonceStore
from shared.money import Amount
from tests.chain import LONG_ANSWER_BYTES
from tests.functions.wallet.custody import Crash, Custody, an_address, crash
from tests.races import all_at_once
from tests.solidity import creation_code

LATER = timedelta(hours=1)
"""Longer than any back-off."""

NOTHING = dict.fromkeys(("sent", "refused", "cancelling", "left", "failed"), 0)

POINTS = [
    ("signed, not stored", PostgresNonceStore, "store", False),
    ("stored, not committed", PostgresNonceStore, "add", True),
    ("committed, not broadcast", ChainTreasury, "broadcast", False),
    ("broadcast, not recorded", ChainTreasury, "broadcast", True),
    ("recorded, not committed", PostgresWithdrawals, "save", True),
]


@pytest.mark.parametrize(("owner", "method", "after"), [point[1:] for point in POINTS], ids=[p[0] for p in POINTS])
def test_a_crash_neither_skips_nor_doubles(custody: Custody, owner: type, method: str, after: bool) -> None:
    """The process dies at this point, and the next run goes on: one nonce, one payment, the next nonce follows."""
    buyer, to = custody.isolated.new_user(USDC=5000), an_address()
    first = custody.withdraw(buyer, to)
    with crash(owner, method, after=after), pytest.raises(Crash):
        custody.isolated.run("send_withdrawals")
    second = custody.withdraw(buyer, to)
    custody.settle()
    assert [custody.status(withdrawal) for withdrawal in (first, second)] == ["mined", "mined"]
    assert custody.chain.usdc(to) == 2000
    [(nonce, sent)], [(following, _)] = custody.nonces(first), custody.nonces(second)
    assert (following, sent) == (nonce + 1, True)
    assert custody.isolated.probe.money(buyer.wallet_id) == (3000, 0)
    story = [event.type for event in custody.isolated.stream(first.id)]
    assert story == ["withdrawal.requested", "withdrawal.sent", "withdrawal.mined"]


def test_a_crash_at_the_end_changes_nothing(custody: Custody) -> None:
    """The process dies while a mined withdrawal is booked: it is booked whole by the next run, and once."""
    buyer, to = custody.isolated.new_user(USDC=5000), an_address()
    withdrawal = custody.withdraw(buyer, to)
    custody.isolated.run("send_withdrawals")
    custody.chain.mine(custody.isolated.settings.chain_confirmations + 1)
    with crash(PostgresHolds, "capture", after=True), pytest.raises(Crash):
        custody.isolated.run("track_withdrawals")
    assert custody.isolated.probe.money(buyer.wallet_id) == (5000, 1000)
    for _ in range(2):
        custody.isolated.run("track_withdrawals")
    assert custody.status(withdrawal) == "mined"
    assert custody.isolated.probe.money(buyer.wallet_id) == (4000, 0)


def test_two_senders_do_not_share_a_nonce(custody: Custody) -> None:
    """A second run that signed with the same nonce stores nothing, and sends nothing."""
    buyer, to = custody.isolated.new_user(USDC=5000), an_address()
    withdrawal = custody.withdraw(buyer, to)
    store = PostgresNonceStore.store

    def late(self: PostgresNonceStore, *stored: object) -> None:
        with patch.object(PostgresNonceStore, "store", store):
            custody.isolated.run("send_withdrawals")  # somebody else, in between
        store(self, *stored)  # type: ignore[arg-type]

    with patch.object(PostgresNonceStore, "store", late):
        assert custody.isolated.run("send_withdrawals") == {**NOTHING, "left": 1}
    custody.settle()
    assert len(custody.nonces(withdrawal)) == 1
    assert custody.chain.usdc(to) == 1000


def test_two_runs_at_once_send_once(custody: Custody) -> None:
    """As when a worker has lost the session of its lock without noticing, and another has taken over."""
    buyer = custody.isolated.new_user(USDC=5000)
    for _ in range(3):
        to = an_address()
        withdrawal = custody.withdraw(buyer, to)
        done = all_at_once([partial(custody.isolated.run, "send_withdrawals")] * 2)
        assert sum(ran["sent"] for ran in done) == 1, done
        assert [ran["refused"] + ran["failed"] for ran in done] == [0, 0]
        custody.settle()
        assert len(custody.nonces(withdrawal)) == 1
        assert custody.chain.usdc(to) == 1000
    assert custody.isolated.probe.money(buyer.wallet_id) == (2000, 0)


def test_a_transaction_that_waits_is_outbid(custody: Custody) -> None:
    """Fees are too low: after a while a transaction with the same nonce replaces it, and one is mined."""
    buyer, to = custody.isolated.new_user(USDC=5000), an_address()
    withdrawal = custody.withdraw(buyer, to)
    with patch.object(ChainTreasury, "fees", lambda _: Fees(1, 1)):
        custody.isolated.run("send_withdrawals")
    custody.chain.mine(2)
    custody.isolated.run("track_withdrawals")
    assert custody.chain.usdc(to) == 0
    with custody.isolated.later(custody.work().treasury.replace_after * 2):
        custody.isolated.run("track_withdrawals")
    custody.settle()
    assert custody.status(withdrawal) == "mined"
    assert custody.chain.usdc(to) == 1000
    nonces = [nonce for nonce, _ in custody.nonces(withdrawal)]
    assert len(nonces) == 2
    assert len(set(nonces)) == 1


def test_a_vault_that_is_short_gives_the_money_back(custody: Custody) -> None:
    """The vault has less than requested: the withdrawal fails, and the wallet gets its money back."""
    buyer = custody.isolated.new_user(USDC=10**15)
    withdrawal = custody.withdraw(buyer, an_address(), 10**15)
    custody.settle()
    assert custody.status(withdrawal) == "failed"
    assert custody.isolated.probe.money(buyer.wallet_id) == (10**15, 0)
    assert custody.nonces(withdrawal) == []


# A withdrawal is paid once, whoever is slow


def sign_alone(custody: Custody) -> None:
    with crash(ChainTreasury, "broadcast", after=False), pytest.raises(Crash):
        custody.isolated.run("send_withdrawals")


def send_alone(custody: Custody) -> None:
    custody.isolated.run("send_withdrawals")


@pytest.mark.parametrize("another", [sign_alone, send_alone, Custody.settle])
def test_a_slow_sender_fails_nothing_that_another_has_signed(
    custody: Custody, another: Callable[[Custody], None]
) -> None:
    """The chain refuses the first sender, while a second one signs, sends or probe: paid once, and never failed."""
    buyer, to = custody.isolated.new_user(USDC=5000), an_address()
    withdrawal = custody.withdraw(buyer, to)
    payment = ChainTreasury.payment

    def late(_: ChainTreasury, withdrawal: Withdrawal) -> ContractCall:
        with patch.object(ChainTreasury, "payment", payment):
            another(custody)
        raise CallRefused(f"The contract refuses {withdrawal.id}.")

    with patch.object(ChainTreasury, "payment", late):
        assert custody.isolated.run("send_withdrawals")["refused"] == 0
    custody.settle()
    custody.settle()
    assert custody.chain.usdc(to) == 1000
    assert custody.isolated.probe.money(buyer.wallet_id) == (4000, 0)
    story = [event.type for event in custody.isolated.stream(withdrawal.id)]
    assert story == ["withdrawal.requested", "withdrawal.sent", "withdrawal.mined"]


def test_a_slow_sender_signs_nothing_that_has_failed(custody: Custody) -> None:
    """A second sender fails it while the first one signs: nothing is stored, sent or paid."""
    buyer, to = custody.isolated.new_user(USDC=5000), an_address()
    withdrawal = custody.withdraw(buyer, to)
    sign, seconds = ChainTreasury.sign, iter([True])

    def late(self: ChainTreasury, *given: object) -> object:
        if next(seconds, False):  # the second one signs in its turn
            with patch.object(ChainTreasury, "payment", side_effect=CallRefused("The contract refuses it.")):
                custody.isolated.run("send_withdrawals")
        return sign(self, *given)  # type: ignore[arg-type]

    with patch.object(ChainTreasury, "sign", late):
        assert custody.isolated.run("send_withdrawals")["left"] == 1
    custody.settle()
    assert (custody.status(withdrawal), custody.nonces(withdrawal)) == ("failed", [])
    assert custody.chain.usdc(to) == 0
    assert custody.isolated.probe.money(buyer.wallet_id) == (5000, 0)


def test_what_the_vault_has_paid_is_paid(custody: Custody) -> None:
    """Somebody else paid it, and the vault refuses to pay twice: completed once that payment is confirmed."""
    buyer, to = custody.isolated.new_user(USDC=5000), an_address()
    withdrawal = custody.withdraw(buyer, to)
    paying = custody.pay_elsewhere(withdrawal)
    settings = replace(custody.isolated.settings, chain_confirmations=10**6)
    with patch.object(custody.isolated.resources, "settings", settings):
        assert custody.isolated.run("send_withdrawals")["failed"] == 1
    assert custody.status(withdrawal) == "requested"
    custody.chain.mine(custody.isolated.settings.chain_confirmations)
    with custody.isolated.later(LATER):
        custody.settle()
    mined = custody.isolated.stream(withdrawal.id)[-1]
    assert (mined.type, mined.data["transaction_hash"]) == ("withdrawal.mined", paying)
    assert custody.chain.usdc(to) == 1000
    assert custody.isolated.probe.money(buyer.wallet_id) == (4000, 0)


def test_nonces_that_were_used_elsewhere_are_left_out(custody: Custody) -> None:
    """The treasury's key has sent a transaction unknown to the ledger: the next withdrawal uses the next nonce."""
    buyer, to = custody.isolated.new_user(USDC=5000), an_address()
    known = custody.withdraw(buyer, to)
    custody.settle()
    treasury = custody.work().treasury
    call, nonce = treasury.cancellation("elsewhere"), treasury.next_nonce()
    treasury.broadcast(treasury.sign(call, nonce, treasury.fees(), custody.work().now()))
    custody.chain.until(lambda: treasury.next_nonce() > nonce, "it is mined")
    withdrawal = custody.withdraw(buyer, to)
    custody.settle()
    assert custody.status(withdrawal) == "mined"
    assert custody.nonces(withdrawal) == [(custody.nonces(known)[0][0] + 2, True)]


# One withdrawal stops no other


def refusing(poisoned: Sequence[WithdrawalView]) -> Callable[..., int]:
    """A node that gives neither an estimate nor a reason for some withdrawals."""
    keys, gas = [keccak(each.id.encode()) for each in poisoned], ChainClient.gas

    def picky(self: ChainClient, data: bytes, to: str, sender: str) -> int:
        if any(key in data for key in keys):
            raise NodeRefused("not today")
        return gas(self, data, to, sender)

    return picky


def test_what_the_node_refuses_stops_no_other(custody: Custody) -> None:
    """The first ones are refused without a reason: they back off, the next is sent, and later they are, too."""
    buyer, to = custody.isolated.new_user(USDC=5000), an_address()
    poisoned = [custody.withdraw(buyer, to, 100) for _ in range(4)]
    good = custody.withdraw(buyer, to, 7)
    with patch.object(ChainClient, "gas", refusing(poisoned)):
        assert custody.isolated.run("send_withdrawals") == {**NOTHING, "sent": 1, "failed": 4}
        assert custody.isolated.run("send_withdrawals")["failed"] == 0  # they back off
    custody.settle()
    assert [custody.status(each) for each in (good, *poisoned)] == ["mined"] + ["requested"] * 4
    failing = "SELECT item FROM job_failures WHERE job = 'send_withdrawals' ORDER BY item"
    assert {each.id for each in poisoned} <= {row["item"] for row in custody.isolated.probe.rows("wallet", failing)}
    with custody.isolated.later(LATER):
        custody.settle()
    assert {custody.status(each) for each in poisoned} == {"mined"}
    assert custody.chain.usdc(to) == 407
    assert not {each.id for each in poisoned} & {row["item"] for row in custody.isolated.probe.rows("wallet", failing)}


def test_a_long_answer_is_a_refusal(custody: Custody) -> None:
    """Ether to a contract that answers with 3 MiB is refunded; later requests are paid."""
    buyer, to = custody.isolated.new_user(USDC=5000, ETH=50), an_address()
    custody.chain.send(custody.vault, encoded("fund()"), value=100)
    recipient = custody.chain.create(creation_code("LongAnswer", LONG_ANSWER_BYTES, False))
    request = CreateWithdrawal(buyer.wallet_id, "ETH", Amount(20), recipient)
    poisoned = custody.isolated.run("create_withdrawal", request=request, caller=buyer.caller)
    good = custody.withdraw(buyer, to)
    custody.settle()
    assert [custody.status(each) for each in (poisoned, good)] == ["failed", "mined"]
    assert custody.isolated.probe.money(buyer.wallet_id, "ETH") == (50, 0)


def test_users_take_turns(custody: Custody) -> None:
    """However many withdrawals one user has requested, the others' first ones are sent with that user's first."""
    many, few = custody.isolated.new_user(USDC=5000), [custody.isolated.new_user(USDC=5000) for _ in range(2)]
    first, *rest = [custody.withdraw(many, an_address(), 1) for _ in range(6)]
    others = [custody.withdraw(each, an_address(), 1) for each in few]
    with patch("functions.wallet.send_withdrawals.BATCH", 3):
        assert custody.isolated.run("send_withdrawals")["sent"] == 3
    assert [custody.status(each) for each in (first, *others)] == ["sent"] * 3
    assert {custody.status(each) for each in rest} == {"requested"}
    custody.settle()
    assert {custody.status(each) for each in (first, *rest, *others)} == {"mined"}


def test_no_more_are_signed_than_a_node_keeps(custody: Custody) -> None:
    """While enough transactions wait to be mined, no further one is signed."""
    buyer = custody.isolated.new_user(USDC=5000)
    withdrawal = custody.withdraw(buyer, an_address())
    with patch("functions.wallet.send_withdrawals.UNMINED_MOST", 0):
        assert custody.isolated.run("send_withdrawals")["sent"] == 0
    assert (custody.status(withdrawal), custody.nonces(withdrawal)) == ("requested", [])
    custody.settle()
    assert custody.status(withdrawal) == "mined"


def test_one_that_cannot_be_followed_holds_up_no_other(custody: Custody) -> None:
    """One whose completion fails is retried later; those behind it complete meanwhile."""
    buyer, to = custody.isolated.new_user(USDC=5000), an_address()
    poisoned, good = custody.withdraw(buyer, to), custody.withdraw(buyer, to)
    save = PostgresWithdrawals.save

    def picky(self: PostgresWithdrawals, withdrawal: Withdrawal) -> None:
        if withdrawal.id == poisoned.id and withdrawal.status == "mined":
            raise KeyError("a defect")
        save(self, withdrawal)

    with patch.object(PostgresWithdrawals, "save", picky):
        custody.settle()
    assert [custody.status(each) for each in (poisoned, good)] == ["sent", "mined"]
    with custody.isolated.later(LATER):
        custody.settle()
    assert custody.status(poisoned) == "mined"
    assert custody.chain.usdc(to) == 2000
