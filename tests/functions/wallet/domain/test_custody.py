"""The rules of money on its chain."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from functions.wallet.domain.custody import Arrival, Deposit, deposit_credit, deposit_reversal
from functions.wallet.domain.ledger import Account, Posting
from shared.chain.core.values import BlockRef, Fees

AT = datetime(2026, 11, 23, tzinfo=UTC)
ARRIVAL = Arrival(31337, "0xaa", 0, BlockRef(5, "0x05"), b"k", "USDC", 100)
DEPOSIT = Deposit("dep_1", ARRIVAL, "wal_1", "usr_1", "credited", "trf_1", 1)


def test_a_credit_comes_from_outside() -> None:
    """What the wallet gets, the outside gives."""
    assert deposit_credit(DEPOSIT, AT).postings == (Posting("external", "USDC", -100), Posting("wal_1", "USDC", 100))


@pytest.mark.parametrize(
    ("posted", "held", "given_back"), [(100, 0, 100), (500, 0, 100), (100, 60, 40), (30, 0, 30), (50, 50, 0)]
)
def test_a_reversal_takes_what_is_available(posted: int, held: int, given_back: int) -> None:
    """The wallet gives back what is available, `losses` bears the rest, and `external` gets the whole amount back."""
    transfer = deposit_reversal(DEPOSIT, Account("wal_1", "USDC", posted, held), "trf_2", AT)
    amounts = {posting.account: posting.amount for posting in transfer.postings}
    assert amounts.get("wal_1", 0) == -given_back
    assert amounts.get("losses", 0) == given_back - 100
    assert amounts["external"] == 100
    assert transfer.reference == DEPOSIT.transfer_id


def test_a_deposit_stands_wherever_its_block_is() -> None:
    """Mined again in another block it is the same; with another amount, or taken back before, it is not."""
    elsewhere = replace(ARRIVAL, place=BlockRef(9, "0x09"))
    assert DEPOSIT.stands(elsewhere)
    assert not DEPOSIT.stands(replace(elsewhere, amount=99))
    assert not DEPOSIT.stands(replace(elsewhere, wallet_key=b"other"))
    assert not replace(DEPOSIT, status="reversed").stands(elsewhere)


def test_higher_fees_replace() -> None:
    """A tenth more in both is what nodes ask for, however small the fees are and however far the market went."""
    for before in (Fees(1, 1), Fees(10**9, 10**8)):
        for usual in (Fees(1, 1), Fees(10**12, 10**11)):
            after = before.higher(usual)
            assert after.maximum * 10 >= before.maximum * 11
            assert after.tip * 10 >= before.tip * 11
            assert after.maximum >= usual.maximum
