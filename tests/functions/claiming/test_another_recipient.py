"""A claim whose redemption failed may go to another recipient: the contract honours one voucher of it all the same."""

import secrets
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest

from emulators import secrets as stored
from emulators.stack import Stack
from functions.claiming.domain.errors import NotFailed, RecipientFixed
from functions.claiming.views import ClaimView
from shared.adapters.abi import encoded
from shared.adapters.ethereum import checksum_address
from shared.config import read
from shared.errors import Contended, Unavailable
from tests.chain import LocalChain
from tests.contract_wallets import deploy, reverting
from tests.functions.claiming.conftest import Bought
from tests.functions.claiming.redeeming import ATTEMPTS, LATER, Redemptions, redemptions_of
from tests.races import at_once
from tests.shared.contracts.solidity.test_claims import CLAIM, arguments, signature


@pytest.fixture(scope="module")
def redemptions(stack: Stack, chain: LocalChain) -> Iterator[Redemptions]:
    """An island whose claims are redeemed on the stack's chain when the test says so."""
    password = stored.read(stack.layout.secrets, "postgres.password")
    with redemptions_of(read(stack.environment), password, chain) as running:
        yield running


def an_address() -> str:
    return checksum_address("0x" + secrets.token_hex(20))


def refusing_recipient(redemptions: Redemptions) -> Bought:
    """A claim for a contract that takes no tokens, which has failed."""
    bought = redemptions.claimed(2, recipient=deploy(redemptions.chain, reverting(), secrets.token_bytes(32)))
    for ahead in range(ATTEMPTS):
        with redemptions.island.later(LATER * ahead):
            redemptions.island.run("process_claims")
    assert bought.view().status == "failed"
    return bought


def failed(redemptions: Redemptions, bought: Bought) -> None:
    """Have a claim stand as failed, whatever the chain has of it."""
    sql = "UPDATE claims SET status = 'failed', due_at = NULL, failure = 'x' WHERE order_id = :id RETURNING id"
    assert redemptions.island.books.rows("claiming", sql, id=bought.order.id)


def test_another_recipient_gets_it(redemptions: Redemptions) -> None:
    """The same claim id and nonce, a voucher of its own; the house redeems it, once."""
    bought, friend = refusing_recipient(redemptions), an_address()
    before = bought.view()
    assert before.failure.code == "CALL_REFUSED"  # type: ignore[union-attr]
    claim, again = bought.claim(friend)
    assert (again, claim.status, claim.recipient) == (True, "claimed", friend)
    was, made = before.voucher.message, claim.voucher.message
    assert {**made, "deadline": ""} == {**was, "deadline": "", "recipient": friend}
    assert bought.claim(friend) == bought.claim() == (claim, True)
    redemptions.settle()
    assert bought.view().status == "processed"
    assert redemptions.owned(bought, friend) == [2]
    assert bought.story() == ["claim.opened", "claim.claimed", "claim.failed", "claim.processed"]
    assert redemptions.island.violations() == []


def test_naming_the_same_again_changes_nothing(redemptions: Redemptions) -> None:
    """Or nobody: the identical voucher, and it stays failed."""
    bought = refusing_recipient(redemptions)
    before = bought.view()
    assert bought.claim(before.recipient) == bought.claim() == (before, True)


@pytest.mark.parametrize("status", ["claimed", "processing", "processed"])
def test_until_it_failed_the_recipient_is_fixed(redemptions: Redemptions, status: str) -> None:
    """Claimed, on its way or redeemed: there is one recipient."""
    bought = redemptions.claimed()
    if status != "claimed":
        redemptions.island.run("process_claims")
    if status == "processed":
        redemptions.confirm()
    assert bought.view().status == status
    with pytest.raises(RecipientFixed):
        bought.claim(an_address())


def test_while_a_transaction_is_on_its_way_the_recipient_is_fixed(redemptions: Redemptions) -> None:
    """Sent and not mined; mined and not confirmed; confirmed and not heard of: what was mined counts."""
    bought = redemptions.claimed()
    redemptions.island.run("process_claims")
    failed(redemptions, bought)
    with pytest.raises(RecipientFixed):
        bought.claim(an_address())
    redemptions.chain.until(lambda: redemptions.owned(bought) == [1], "it is mined")
    with pytest.raises(RecipientFixed):
        bought.claim(an_address())
    redemptions.chain.mine(redemptions.island.settings.chain_confirmations + 1)
    redemptions.island.run("track_redemptions")
    with pytest.raises(RecipientFixed):
        bought.claim(an_address())
    redemptions.island.run("watch_redemptions")
    assert bought.view().status == "processed"


def test_what_the_chain_forgot_may_be_mined_again(redemptions: Redemptions) -> None:
    """Its transaction was done, and a reorganisation gave its nonce back: it is handed to the network once more."""
    bought = redemptions.claimed()
    redemptions.island.run("process_claims")
    redemptions.confirm()
    sql = "SELECT block_number FROM claims WHERE order_id = :id"
    (row,) = redemptions.island.books.rows("claiming", sql, id=bought.order.id)
    redemptions.chain.reorganise(redemptions.chain.client.head() - row["block_number"] + 1)
    assert redemptions.owned(bought) == [0]
    sql = """UPDATE claims SET status = 'failed', transaction_hash = NULL, block_number = NULL, block_hash = NULL,
        processed_at = NULL WHERE order_id = :id RETURNING id"""
    assert redemptions.island.books.rows("claiming", sql, id=bought.order.id)
    with pytest.raises(RecipientFixed):
        bought.claim(an_address())


def test_what_the_buyer_has_redeemed_is_fixed(redemptions: Redemptions) -> None:
    """The contract has honoured it, though nobody has heard of it yet."""
    bought = redemptions.claimed()
    failed(redemptions, bought)
    assert redemptions.redeem(bought)
    with pytest.raises(RecipientFixed):
        bought.claim(an_address())
    redemptions.confirm()
    assert bought.view().status == "processed"


def test_the_voucher_of_before_is_good_until_one_is_honoured(redemptions: Redemptions) -> None:
    """Whoever brings it first: one of them is honoured, and the claim says whose it was."""
    bought, friend = redemptions.claimed(), an_address()
    failed(redemptions, bought)
    old = bought.view()
    claim, _ = bought.claim(friend)
    data = bring(redemptions, old)
    assert redemptions.chain.client.receipt(data).succeeded  # type: ignore[union-attr]
    redemptions.settle()
    view = bought.view()
    assert (view.status, view.recipient) == ("processed", old.recipient)
    assert redemptions.owned(bought, friend) == [0]
    assert not redemptions.chain.client.receipt(bring(redemptions, claim)).succeeded  # type: ignore[union-attr]


def bring(redemptions: Redemptions, claim: ClaimView) -> str:
    """Bring a voucher to the contract; the transaction's hash."""
    voucher = {"message": claim.voucher.message, "signature": claim.voucher.signature}
    return redemptions.chain.send(redemptions.contract, encoded(CLAIM, arguments(voucher), signature(voucher)))


def test_without_an_answer_of_the_chain_nothing_changes(redemptions: Redemptions) -> None:
    """The node is away: the request may be sent again."""
    bought = redemptions.claimed()
    failed(redemptions, bought)
    before = bought.view()

    def away(*_: Any, **__: Any) -> None:
        raise Unavailable

    with patch("shared.adapters.chain.ChainClient.request", away), pytest.raises(Unavailable):
        bought.claim(an_address())
    assert bought.view() == before


def test_a_retry_and_another_recipient_at_once_are_one_or_the_other(redemptions: Redemptions) -> None:
    """Nothing is redeemed for a recipient who is not the one that is shown."""
    for _ in range(3):
        bought, friend = refusing_recipient(redemptions), an_address()
        both: list[Callable[[], Any]] = [partial(redemptions.retry, bought), partial(bought.claim, friend)]
        results = at_once(both)
        assert all(isinstance(each, ClaimView | tuple | NotFailed | RecipientFixed | Contended) for each in results)
        view = bought.view()
        assert view.status == "claimed"
        assert view.recipient == view.voucher.message["recipient"]
        redemptions.settle()
        owned = redemptions.owned(bought, friend)
        assert owned == ([2] if view.recipient == friend else [0])


def test_the_house_does_not_pay_for_it_without_end(redemptions: Redemptions) -> None:
    """Where it has sent as many transactions for a claim as it would in vain, the next recipient brings the voucher."""
    bought, friend = redemptions.claimed(), an_address()
    failed(redemptions, bought)
    sql = "UPDATE claims SET attempts = :attempts WHERE order_id = :id RETURNING id"
    redemptions.island.books.rows("claiming", sql, attempts=ATTEMPTS, id=bought.order.id)
    claim, _ = bought.claim(friend)
    assert (claim.status, claim.recipient) == ("failed", friend)
    redemptions.settle()
    assert redemptions.nonces(bought) == []
    assert redemptions.redeem(bought)
    redemptions.confirm()
    assert bought.view().status == "processed"
    assert redemptions.owned(bought, friend) == [1]
