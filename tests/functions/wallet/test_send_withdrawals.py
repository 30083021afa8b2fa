"""Withdrawals are sent once, wherever the process that sends them dies."""

from unittest.mock import patch

import pytest

from functions.wallet.store.custody import WithdrawalStore
from functions.wallet.store.holds import HoldStore
from functions.wallet.store.vault import ChainTreasury
from shared.adapters.chains import SendingStore
from shared.chains import Fees
from shared.errors import Contended
from tests.functions.wallet.custody import Crash, Custody, an_address, crash

POINTS = [
    ("signed, not stored", SendingStore, "store", False),
    ("stored, not committed", SendingStore, "add", True),
    ("committed, not broadcast", ChainTreasury, "broadcast", False),
    ("broadcast, not recorded", ChainTreasury, "broadcast", True),
    ("recorded, not committed", WithdrawalStore, "save", True),
]


@pytest.mark.parametrize(("owner", "method", "after"), [point[1:] for point in POINTS], ids=[p[0] for p in POINTS])
def test_a_crash_neither_skips_nor_doubles(custody: Custody, owner: type, method: str, after: bool) -> None:
    """The process dies at this point, and the next run goes on: one nonce, one payment, the next nonce follows."""
    buyer, to = custody.island.islander(USDC=5000), an_address()
    first = custody.withdraw(buyer, to)
    with crash(owner, method, after=after), pytest.raises(Crash):
        custody.island.run("send_withdrawals")
    second = custody.withdraw(buyer, to)
    custody.settle()
    assert [custody.status(withdrawal) for withdrawal in (first, second)] == ["mined", "mined"]
    assert custody.chain.usdc(to) == 2000
    [(nonce, sent)], [(following, _)] = custody.nonces(first), custody.nonces(second)
    assert (following, sent) == (nonce + 1, True)
    assert custody.island.books.money(buyer.wallet_id) == (3000, 0)
    story = [event.type for event in custody.island.stream(first.id)]
    assert story == ["withdrawal.requested", "withdrawal.sent", "withdrawal.mined"]


def test_a_crash_at_the_end_changes_nothing(custody: Custody) -> None:
    """The process dies while a mined withdrawal is booked: it is booked whole by the next run, and once."""
    buyer, to = custody.island.islander(USDC=5000), an_address()
    withdrawal = custody.withdraw(buyer, to)
    custody.island.run("send_withdrawals")
    custody.chain.mine(custody.island.settings.chain_confirmations + 1)
    with crash(HoldStore, "capture", after=True), pytest.raises(Crash):
        custody.island.run("track_withdrawals")
    assert custody.island.books.money(buyer.wallet_id) == (5000, 1000)
    for _ in range(2):
        custody.island.run("track_withdrawals")
    assert custody.status(withdrawal) == "mined"
    assert custody.island.books.money(buyer.wallet_id) == (4000, 0)


def test_two_senders_do_not_share_a_nonce(custody: Custody) -> None:
    """A second run that signed with the same nonce stores nothing, and sends nothing."""
    buyer, to = custody.island.islander(USDC=5000), an_address()
    withdrawal = custody.withdraw(buyer, to)
    store = SendingStore.store

    def late(self: SendingStore, *stored: object) -> None:
        with patch.object(SendingStore, "store", store):
            custody.island.run("send_withdrawals")  # somebody else, in between
        store(self, *stored)  # type: ignore[arg-type]

    with patch.object(SendingStore, "store", late), pytest.raises(Contended):
        custody.island.run("send_withdrawals")
    custody.settle()
    assert len(custody.nonces(withdrawal)) == 1
    assert custody.chain.usdc(to) == 1000


def test_a_transaction_that_waits_is_outbid(custody: Custody) -> None:
    """Fees that nobody takes: after a while another transaction with the same nonce offers more, and one is mined."""
    buyer, to = custody.island.islander(USDC=5000), an_address()
    withdrawal = custody.withdraw(buyer, to)
    with patch.object(ChainTreasury, "fees", lambda _: Fees(1, 1)):
        custody.island.run("send_withdrawals")
    custody.chain.mine(2)
    custody.island.run("track_withdrawals")
    assert custody.chain.usdc(to) == 0
    with custody.island.later(custody.work().treasury.replace_after * 2):
        custody.island.run("track_withdrawals")
    custody.settle()
    assert custody.status(withdrawal) == "mined"
    assert custody.chain.usdc(to) == 1000
    nonces = [nonce for nonce, _ in custody.nonces(withdrawal)]
    assert len(nonces) == 2
    assert len(set(nonces)) == 1


def test_a_vault_that_is_short_gives_the_money_back(custody: Custody) -> None:
    """The vault has less than is asked for: the withdrawal fails, and the wallet has its money."""
    buyer = custody.island.islander(USDC=10**15)
    withdrawal = custody.withdraw(buyer, an_address(), 10**15)
    custody.settle()
    assert custody.status(withdrawal) == "failed"
    assert custody.island.books.money(buyer.wallet_id) == (10**15, 0)
    assert custody.nonces(withdrawal) == []
