"""A claim whose redemption failed may go to another recipient: the contract honours one voucher of it all the same."""

import secrets
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest

from emulators.stack import secrets as stored
from emulators.stack.stack import Stack
from functions.claiming.domain.errors import NotFailed, RecipientFixed
from functions.claiming.views import ClaimView
from shared.chain.abi import encoded
from shared.chain.ethereum import checksum_address
from shared.config import read
from shared.errors import Contended, Unavailable
from tests.chain import LocalChain
from tests.contract_wallets import deploy
from tests.functions.claiming.conftest import Bought
from tests.functions.claiming.redemptions import ATTEMPTS, LATER, Redemptions, redemptions_of
from tests.races import at_once
from tests.shared.chain.solidity.test_claims import CLAIM, arguments, signature
from tests.solidity import creation_code


@pytest.fixture(scope="module")
def redemptions(stack: Stack, chain: LocalChain) -> Iterator[Redemptions]:
    """Isolated services whose claims are redeemed on the stack's chain when the test runs the job."""
    password = stored.read(stack.layout.secrets, "postgres.password")
    with redemptions_of(read(stack.environment), password, chain) as running:
        yield running


def an_address() -> str:
    return checksum_address("0x" + secrets.token_hex(20))


def refusing_recipient(redemptions: Redemptions) -> Bought:
    """A claim for a contract that takes no tokens, which has failed."""
    bought = redemptions.claimed(
        2, recipient=deploy(redemptions.chain, creation_code("Reverting"), secrets.token_bytes(32))
    )
    for ahead in range(ATTEMPTS):
        with redemptions.isolated.later(LATER * ahead):
            redemptions.isolated.run("process_claims")
    assert bought.view().status == "failed"
    return bought


def failed(redemptions: Redemptions, bought: Bought) -> None:
    """Mark a claim failed, whatever the chain says."""
    sql = "UPDATE claims SET status = 'failed', due_at = NULL, failure = 'x' WHERE order_id = :id RETURNING id"
    assert redemptions.isolated.probe.rows("claiming", sql, id=bought.order.id)


def test_another_recipient_gets_it(redemptions: Redemptions) -> None:
    """The same claim id and nonce, with a voucher of its own; the relayer redeems it, once."""
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
    assert redemptions.isolated.violations() == []


def test_naming_the_same_again_changes_nothing(redemptions: Redemptions) -> None:
    """Or nobody: the identical voucher, and it stays failed."""
    bought = refusing_recipient(redemptions)
    before = bought.view()
    assert bought.claim(before.recipient) == bought.claim() == (before, True)


@pytest.mark.parametrize("status", ["claimed", "processing", "processed"])
def test_until_it_failed_the_recipient_is_fixed(redemptions: Redemptions, status: str) -> None:
    """Claimed, in flight or redeemed: the recipient is fixed."""
    bought = redemptions.claimed()
    if status != "claimed":
        redemptions.isolated.run("process_claims")
    if status == "processed":
        redemptions.confirm()
    assert bought.view().status == status
    with pytest.raises(RecipientFixed):
        bought.claim(an_address())


def test_while_a_transaction_is_on_its_way_the_recipient_is_fixed(redemptions: Redemptions) -> None:
    """Sent and not mined; mined and not confirmed; confirmed and not heard of: what was mined counts."""
    bought = redemptions.claimed()
    redemptions.isolated.run("process_claims")
    failed(redemptions, bought)
    with pytest.raises(RecipientFixed):
        bought.claim(an_address())
    redemptions.chain.until(lambda: redemptions.owned(bought) == [1], "it is mined")
    with pytest.raises(RecipientFixed):
        bought.claim(an_address())
    redemptions.chain.mine(redemptions.isolated.settings.chain_confirmations + 1)
    redemptions.isolated.run("track_redemptions")
    with pytest.raises(RecipientFixed):
        bought.claim(an_address())
    redemptions.isolated.run("watch_redemptions")
    assert bought.view().status == "processed"


def test_what_the_chain_forgot_may_be_mined_again(redemptions: Redemptions) -> None:
    """Its transaction was done, and a reorganisation freed its nonce: it is broadcast once more."""
    bought = redemptions.claimed()
    redemptions.isolated.run("process_claims")
    redemptions.confirm()
    sql = "SELECT block_number FROM claims WHERE order_id = :id"
    (row,) = redemptions.isolated.probe.rows("claiming", sql, id=bought.order.id)
    redemptions.chain.reorganise(redemptions.chain.client.head() - row["block_number"] + 1)
    assert redemptions.owned(bought) == [0]
    sql = """UPDATE claims SET status = 'failed', transaction_hash = NULL, block_number = NULL, block_hash = NULL,
        processed_at = NULL WHERE order_id = :id RETURNING id"""
    assert redemptions.isolated.probe.rows("claiming", sql, id=bought.order.id)
    with pytest.raises(RecipientFixed):
        bought.claim(an_address())


def test_what_the_buyer_has_redeemed_is_fixed(redemptions: Redemptions) -> None:
    """The contract has honoured it, although the event was not read yet."""
    bought = redemptions.claimed()
    failed(redemptions, bought)
    assert redemptions.redeem(bought)
    with pytest.raises(RecipientFixed):
        bought.claim(an_address())
    redemptions.confirm()
    assert bought.view().status == "processed"


def test_the_voucher_of_before_is_good_until_one_is_honoured(redemptions: Redemptions) -> None:
    """Whichever is sent first: one of them is honoured, and the claim shows its recipient."""
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
    """Send a voucher to the contract. Returns the transaction's hash."""
    voucher = {"message": claim.voucher.message, "signature": claim.voucher.signature}
    return redemptions.chain.send(redemptions.contract, encoded(CLAIM, arguments(voucher), signature(voucher)))


def test_without_an_answer_of_the_chain_nothing_changes(redemptions: Redemptions) -> None:
    """The node is away: the request may be sent again."""
    bought = redemptions.claimed()
    failed(redemptions, bought)
    before = bought.view()

    def away(*_: Any, **__: Any) -> None:
        raise Unavailable

    with patch("shared.chain.node.ChainClient.request", away), pytest.raises(Unavailable):
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
    """If the relayer has used up its attempts for a claim, the new recipient redeems the voucher."""
    bought, friend = redemptions.claimed(), an_address()
    failed(redemptions, bought)
    sql = "UPDATE claims SET attempts = :attempts WHERE order_id = :id RETURNING id"
    redemptions.isolated.probe.rows("claiming", sql, attempts=ATTEMPTS, id=bought.order.id)
    claim, _ = bought.claim(friend)
    assert (claim.status, claim.recipient) == ("failed", friend)
    redemptions.settle()
    assert redemptions.nonces(bought) == []
    assert redemptions.redeem(bought)
    redemptions.confirm()
    assert bought.view().status == "processed"
    assert redemptions.owned(bought, friend) == [1]
