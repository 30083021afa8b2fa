"""The rules of a claim."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from functions.claiming.domain.claim import Claim, Item, Status, Terms
from functions.claiming.domain.errors import NotClaimable, NotFailed, RecipientFixed
from functions.claiming.domain.redemption import Failure, Redemption, RetryPolicy, SentTransaction
from shared.chain.core.values import BlockRef

NOW = datetime(2026, 11, 23, 8, 0, 0, 500_000, tzinfo=UTC)
ITEMS = (Item(31337, "0x00", 7, 2),)
OPEN = Claim("clm", "ord", "usr", "0xPayer", ITEMS, 42, NOW)


def test_an_open_claim_goes_to_whom_the_buyer_names() -> None:
    """The wallet that paid, unless somebody else is named."""
    assert OPEN.recipient_for(None) == "0xPayer"
    assert OPEN.recipient_for("0xFriend") == "0xFriend"


def test_a_recipient_is_fixed_by_the_first_voucher() -> None:
    """Naming them again, or nobody, is the same; naming another is refused, also after the voucher has run out."""
    claimed = OPEN.with_voucher("0xFriend", "{}", NOW - timedelta(days=1), NOW)
    assert claimed.recipient_for(None) == claimed.recipient_for("0xFriend") == "0xFriend"
    with pytest.raises(RecipientFixed):
        claimed.recipient_for("0xPayer")


def test_a_voided_claim_goes_to_nobody() -> None:
    """The order was refunded."""
    with pytest.raises(NotClaimable):
        replace(OPEN, status="voided").recipient_for(None)


def test_a_voucher_lasts_until_its_deadline() -> None:
    """Not at the deadline itself, and never before there is one."""
    claimed = OPEN.with_voucher("0xPayer", "{}", NOW, NOW - timedelta(days=1))
    assert claimed.has_valid_voucher(NOW - timedelta(microseconds=1))
    assert not claimed.has_valid_voucher(NOW)
    assert not OPEN.has_valid_voucher(NOW)


def test_the_first_voucher_claims_and_later_ones_do_not() -> None:
    """A reissue changes the voucher and its deadline, and nothing that counts as a fact."""
    first = OPEN.with_voucher("0xPayer", "one", NOW + timedelta(days=7), NOW)
    assert (first.status, first.version, first.claimed_at, first.due_at) == ("claimed", 2, NOW, NOW)
    later = NOW + timedelta(days=8)
    second = first.with_voucher("0xPayer", "two", later + timedelta(days=7), later)
    assert second == replace(first, voucher="two", deadline=later + timedelta(days=7))


def test_a_reissue_does_not_set_a_claim_back() -> None:
    """One that is processed, or under way, stays so."""
    processing = replace(OPEN.with_voucher("0xPayer", "one", NOW, NOW), status="processing")
    assert processing.with_voucher("0xPayer", "two", NOW, NOW).status == "processing"


def test_terms_are_what_is_signed() -> None:
    """The deadline is in whole seconds, as a chain counts."""
    assert OPEN.terms("0xFriend", NOW) == Terms("clm", "ord", "0xFriend", ITEMS, 42, int(NOW.timestamp()))


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("open", False),
        ("voided", False),
        ("claimed", True),
        ("processing", True),
        ("processed", True),
        ("failed", True),
    ],
)
def test_what_the_api_knows_of(status: Status, *, shown: bool) -> None:
    """A claim is shown once there is a voucher, and not when it was given back."""
    assert replace(OPEN, status=status).visible is shown


POLICY = RetryPolicy(3, timedelta(seconds=10), timedelta(seconds=30))
CLAIMED = OPEN.with_voucher("0xPayer", "{}", NOW + timedelta(days=7), NOW)
REDEEMED = Redemption(31337, "0xaa", BlockRef(7, "0x07"))


def test_an_attempt_is_awaited() -> None:
    """While a transaction is in flight nothing is due; that it is in flight has no event."""
    sent = CLAIMED.attempted()
    assert (sent.status, sent.attempts, sent.due_at, sent.in_flight) == ("processing", 1, None, True)
    assert sent.version == CLAIMED.version
    assert not CLAIMED.in_flight


def test_what_comes_to_nothing_is_tried_again_and_fails_in_the_end() -> None:
    """With back-off; the last failure changes the version and has an event, the others do not."""
    first = CLAIMED.attempted().attempt_failed(Failure("CALL_REFUSED", "x"), POLICY, NOW, 1)
    assert (first.status, first.failures, first.due_at) == ("processing", 1, NOW + timedelta(seconds=10))
    second = first.attempt_failed(Failure("CALL_REFUSED", "y"), POLICY, NOW, 1)
    assert (second.failures, second.due_at, second.version) == (2, NOW + timedelta(seconds=20), CLAIMED.version)
    last = second.attempt_failed(Failure("CALL_REFUSED", "z"), POLICY, NOW, 1)
    assert (last.status, last.failure, last.due_at, last.version) == ("failed", "z", None, CLAIMED.version + 1)
    again = last.retried(NOW)
    assert (again.status, again.failures, again.due_at, again.version) == ("claimed", 0, NOW, last.version)


def test_what_would_be_in_vain_again_fails_at_once() -> None:
    """With its reason, for people and for programs."""
    failed = CLAIMED.attempt_failed(Failure("GAS_LIMIT", "x", final=True), POLICY, NOW, 1)
    assert (failed.status, failed.failure_code, failed.failure, failed.due_at) == ("failed", "GAS_LIMIT", "x", None)


def test_a_failed_one_may_go_to_another() -> None:
    """The relayer retries, unless it has used up its attempts; only failed claims change their recipient."""
    failed = CLAIMED.attempt_failed(Failure("REVERTED", "x", final=True), POLICY, NOW, 1)
    assert failed.changes_recipient("0xOther")
    assert failed.recipient_for("0xOther") == "0xOther"
    assert not any(failed.changes_recipient(same) for same in (None, failed.recipient))
    assert not any(each.changes_recipient("0xOther") for each in (CLAIMED, CLAIMED.attempted(), OPEN))
    assert failed.reassigned(NOW, POLICY).status == "claimed"
    spent = replace(failed, attempts=POLICY.attempts)
    assert spent.reassigned(NOW, POLICY) == spent


def test_what_was_sent_may_be_mined_until_its_nonce_is_taken() -> None:
    """A transaction is done when it was confirmed and the chain still has it, or another with its nonce."""
    sent = [SentTransaction("0xA", 4, ended=True), SentTransaction("0xB", 9, ended=True)]
    assert CLAIMED.none_can_be_mined([], {})
    assert CLAIMED.none_can_be_mined(sent, {"0xA": 5, "0xB": 10})
    assert not CLAIMED.none_can_be_mined(sent, {"0xA": 5, "0xB": 9})
    assert not CLAIMED.none_can_be_mined([replace(sent[0], ended=False)], {"0xA": 5})


@pytest.mark.parametrize("claim", [OPEN, CLAIMED, CLAIMED.attempted(), CLAIMED.processed(REDEEMED, NOW)])
def test_only_what_failed_is_tried_again(claim: Claim) -> None:
    """A claim that has not failed is not changed."""
    with pytest.raises(NotFailed):
        claim.retried(NOW)


def test_what_is_honoured_is_processed_once() -> None:
    """Whatever state the claim was in; found again in another block, only the block changes."""
    once = RetryPolicy(1, NOW - NOW, NOW - NOW)
    for before in (CLAIMED, CLAIMED.attempted(), CLAIMED.attempt_failed(Failure("REVERTED", "x"), once, NOW, 0)):
        after = before.processed(REDEEMED, NOW)
        assert (after.status, after.redemption, after.processed_at, after.due_at) == ("processed", REDEEMED, NOW, None)
        assert after.version == before.version + 1
        elsewhere = replace(REDEEMED, place=BlockRef(9, "0x09"))
        moved = replace(after, orphaned=True).processed(elsewhere, NOW + timedelta(days=1))
        assert moved == replace(after, redemption=elsewhere)


def test_what_the_chain_forgot_is_due_again() -> None:
    """It is not processed any more, and is redeemed once more."""
    undone = replace(CLAIMED.processed(REDEEMED, NOW), orphaned=True).redemption_undone(NOW)
    assert (undone.status, undone.redemption, undone.processed_at, undone.due_at) == ("processing", None, None, NOW)
    assert not undone.orphaned


@pytest.mark.parametrize(("failures", "least", "most"), [(1, 5, 10), (2, 10, 20), (3, 15, 30), (10**6, 15, 30)])
def test_pauses_grow_up_to_a_longest(failures: int, least: int, most: int) -> None:
    """Half of each delay is fixed and half is jitter, so that claims that failed together are not retried together."""
    assert POLICY.delay(failures, 0) == timedelta(seconds=least)
    assert POLICY.delay(failures, 1) == timedelta(seconds=most)
