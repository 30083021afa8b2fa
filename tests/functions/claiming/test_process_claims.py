"""Redemption on a real EVM: once, wherever the process dies, and whether relayer or buyer is first."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from emulators.stack import secrets as stored
from emulators.stack.stack import Stack
from emulators.waiting import until
from functions.claiming.adapters.chain import ChainClaimContract, ChainRelayer
from functions.claiming.adapters.claims import PostgresClaimCursor, PostgresClaims
from functions.claiming.adapters.work import Work
from functions.claiming.domain.claim import Claim
from shared.chain.core.values import CallRefused, Fees
from shared.chain.ethereum import checksum_address, keccak
from shared.chain.node import ChainClient, NodeRefused
from shared.chain.nonce_store import PostgresNonceStore
from shared.config import read
from shared.errors import Unavailable
from shared.postgres.database import Database
from tests.assets import MINTS, REFUSES, Minting
from tests.chain import LocalChain
from tests.functions.claiming.conftest import Bought
from tests.functions.claiming.redemptions import ATTEMPTS, LATER, OTHER_CHAIN, Redemptions, redemptions_of

STORY = ["claim.opened", "claim.claimed", "claim.processed"]


@pytest.fixture(scope="session")
def redemptions(stack: Stack, chain: LocalChain) -> Iterator[Redemptions]:
    """Isolated services whose claims are redeemed on the stack's chain when the test runs the job."""
    password = stored.read(stack.layout.secrets, "postgres.password")
    with redemptions_of(read(stack.environment), password, chain) as running:
        yield running


def an_address() -> str:
    return checksum_address("0x" + secrets.token_hex(20))


def processed(redemptions: Redemptions, bought: Bought, owner: str | None = None) -> bool:
    """Assert that a claim was redeemed once: its recipient has the assets, and there is one event."""
    view = bought.view()
    assert (view.status, bought.story()) == ("processed", STORY)
    assert view.processed_at is not None
    event = redemptions.isolated.stream(view.id)[-1]
    assert view.transaction
    assert event.data == {
        "claim_id": view.id,
        "order_id": view.order_id,
        "user_id": view.user_id,
        "merchant_id": redemptions.isolated.stream(view.order_id)[0].data["merchant_id"],
        "chain_id": view.transaction.chain_id,
        "transaction_hash": view.transaction.hash,
    }
    receipt = redemptions.chain.client.receipt(view.transaction.hash)
    assert receipt
    assert receipt.succeeded
    assert redemptions.owned(bought, owner) == [item.quantity for item in bought.order.items]
    assert redemptions.isolated.violations() == []
    return True


def test_a_claim_is_redeemed_in_the_houses_name(redemptions: Redemptions) -> None:
    """Claimed, processing once it is sent, processed once it is confirmed: all lines of it, for its recipient."""
    friend = an_address()
    bought, other = redemptions.claimed(3, 1, 2), redemptions.claimed(recipient=friend)
    assert bought.view().status == "claimed"
    redemptions.isolated.run("process_claims")
    assert bought.view().status == "processing"
    assert bought.story() == STORY[:-1]
    redemptions.isolated.run("track_redemptions")
    redemptions.isolated.run("watch_redemptions")
    assert bought.view().status == "processing"  # mined, and not confirmed
    redemptions.confirm()
    assert processed(redemptions, bought)
    assert processed(redemptions, other, friend)
    assert len(redemptions.nonces(bought)) == 1


def test_a_repeat_finds_nothing_to_do(redemptions: Redemptions) -> None:
    """However often the schedule starts: one transaction, one event, and the voucher stays what it was."""
    bought = redemptions.claimed(2)
    voucher = bought.view().voucher
    for _ in range(4):
        redemptions.settle()
    with redemptions.isolated.later(LATER):
        redemptions.settle()
    assert processed(redemptions, bought)
    assert len(redemptions.nonces(bought)) == 1
    with redemptions.isolated.later(timedelta(days=30)):
        assert bought.claim()[0].voucher == voucher  # what was redeemed needs no other


def test_the_buyer_may_be_faster(redemptions: Redemptions) -> None:
    """If the buyer redeems first, the relayer counts no failure, and the claim is processed."""
    first, second = redemptions.claimed(), redemptions.claimed()
    assert redemptions.redeem(first)
    redemptions.isolated.run("process_claims")
    assert redemptions.redeem(second) is False  # the relayer's was mined
    redemptions.confirm()
    assert processed(redemptions, first)
    assert processed(redemptions, second)
    assert redemptions.nonces(first) == []


def test_both_at_once_redeem_once(redemptions: Redemptions) -> None:
    """The buyer's transaction is mined between the relayer's estimate and its transaction, which reverts harmlessly."""
    bought = redemptions.claimed()
    sign = ChainRelayer.sign

    def late(self: ChainRelayer, *given: Any) -> Any:
        assert redemptions.redeem(bought)
        return sign(self, *given)

    with patch.object(ChainRelayer, "sign", late):
        redemptions.isolated.run("process_claims")
    redemptions.confirm()
    assert processed(redemptions, bought)
    redemptions.settle()
    assert [row["failures"] for row in failures(redemptions, bought)] == [0]


def failures(redemptions: Redemptions, bought: Bought) -> list[dict[str, Any]]:
    sql = "SELECT failures, attempts, failure, failure_code, due_at FROM claims WHERE order_id = :id"
    return redemptions.isolated.probe.rows("claiming", sql, id=bought.order.id)


def test_what_the_contract_refuses_fails_in_the_end(redemptions: Redemptions) -> None:
    """It is retried with back-off, then fails with an event; an operator may retry it, which may fail again."""
    bought = redemptions.claimed(asset=redemptions.asset(REFUSES))
    redemptions.isolated.run("process_claims")
    assert bought.view().status == "claimed"
    (tried,) = failures(redemptions, bought)
    assert (tried["failures"], tried["failure"]) == (1, "The contract refuses it.")
    redemptions.isolated.run("process_claims")
    assert failures(redemptions, bought) == [tried]  # not before its time
    for ahead in range(1, ATTEMPTS):
        with redemptions.isolated.later(LATER * ahead):
            redemptions.isolated.run("process_claims")
    assert bought.view().status == "failed"
    event = redemptions.isolated.stream(bought.view().id)[-1]
    assert (event.type, event.data["reason"]) == ("claim.failed", "The contract refuses it.")
    placed, *_ = redemptions.isolated.stream(bought.order.id)
    assert event.data["merchant_id"] == placed.data["merchant_id"] != ""
    with redemptions.isolated.later(LATER * ATTEMPTS):
        assert redemptions.isolated.run("process_claims") == {"sent": 0, "refused": 0, "failed": 0}
        assert redemptions.retry(bought).status == "claimed"
        for ahead in range(ATTEMPTS):
            with redemptions.isolated.later(LATER * (ATTEMPTS + 1 + ahead)):
                redemptions.isolated.run("process_claims")
    assert bought.story() == ["claim.opened", "claim.claimed", "claim.failed", "claim.failed"]
    assert redemptions.nonces(bought) == []
    assert redemptions.isolated.violations() == []


def test_a_failed_claim_that_the_buyer_redeems_is_processed(redemptions: Redemptions) -> None:
    """The relayer gave up, but the voucher is still valid: anybody may redeem it."""
    bought = redemptions.claimed()
    with patch.object(ChainClaimContract, "has_honoured", lambda *_: False), refusing():
        for ahead in range(ATTEMPTS):
            with redemptions.isolated.later(LATER * ahead):
                redemptions.isolated.run("process_claims")
    assert bought.view().status == "failed"
    assert redemptions.redeem(bought)
    redemptions.confirm()
    view = bought.view()
    assert (view.status, bought.story()) == ("processed", [*STORY[:2], "claim.failed", "claim.processed"])


@contextmanager
def refusing() -> Iterator[None]:
    """A node that refuses the relayer's calls."""

    def refuse(*_: Any) -> None:
        raise CallRefused("The contract refuses it.")

    with patch.object(ChainRelayer, "redemption", refuse):
        yield


def test_a_transaction_that_waits_is_outbid(redemptions: Redemptions) -> None:
    """Fees are too low: after a while a transaction with the same nonce replaces it, and one is mined."""
    bought = redemptions.claimed(2)
    with patch.object(ChainRelayer, "fees", lambda _: Fees(1, 1)):
        redemptions.isolated.run("process_claims")
    redemptions.chain.mine(2)
    redemptions.isolated.run("track_redemptions")
    assert bought.view().status == "processing"
    with redemptions.isolated.later(redemptions.work().relayer.replace_after * 2):
        redemptions.isolated.run("track_redemptions")
    redemptions.settle()
    assert processed(redemptions, bought)
    nonces = [nonce for nonce, _ in redemptions.nonces(bought)]
    assert (len(nonces), len(set(nonces))) == (2, 1)


def test_two_runs_send_one_transaction(redemptions: Redemptions) -> None:
    """Another run comes in between: the first, which has signed already, stores nothing and sends nothing."""
    bought = redemptions.claimed()
    sign = ChainRelayer.sign

    def late(self: ChainRelayer, *given: Any) -> Any:
        with patch.object(ChainRelayer, "sign", sign):
            redemptions.isolated.run("process_claims")
        return sign(self, *given)

    with patch.object(ChainRelayer, "sign", late):
        assert redemptions.isolated.run("process_claims")["sent"] == 0
    redemptions.settle()
    assert processed(redemptions, bought)
    assert len(redemptions.nonces(bought)) == 1


def test_an_expired_voucher_is_reissued_and_redeemed(redemptions: Redemptions) -> None:
    """The same claim id and nonce, a later deadline: the contract takes that one, and the old one never again."""
    bought = redemptions.claimed(2)
    ttl = timedelta(seconds=redemptions.isolated.settings.voucher_ttl_seconds)
    old = bought.view().voucher
    with redemptions.isolated.later(ttl + LATER):
        redemptions.isolated.run("process_claims")
    new = bought.view().voucher
    assert int(new.message["deadline"]) > int(old.message["deadline"])
    assert {**new.message, "deadline": ""} == {**old.message, "deadline": ""}
    assert new.signature != old.signature
    redemptions.confirm()
    assert processed(redemptions, bought)
    assert not redemptions.redeem(bought)


def test_what_the_buyer_redeems_meanwhile_stays_processed(redemptions: Redemptions) -> None:
    """It is honoured and processed after it was read as due, before the relayer's transaction, which is not stored."""
    bought = redemptions.claimed()
    sign = ChainRelayer.sign

    def late(self: ChainRelayer, *given: Any) -> Any:
        assert redemptions.redeem(bought)
        redemptions.chain.mine(redemptions.isolated.settings.chain_confirmations + 1)
        redemptions.isolated.run("watch_redemptions")
        return sign(self, *given)

    with patch.object(ChainRelayer, "sign", late):
        assert redemptions.isolated.run("process_claims")["failed"] == 1
    assert processed(redemptions, bought)
    assert redemptions.nonces(bought) == []


def test_one_that_is_on_its_way_is_not_sent_twice(redemptions: Redemptions) -> None:
    """The redemption is orphaned while the relayer's transaction is pending: that one is awaited."""
    bought = redemptions.claimed()
    redemptions.isolated.run("process_claims")
    redemptions.chain.until(lambda: redemptions.owned(bought) == [1], "it is mined")
    redemptions.chain.mine(redemptions.isolated.settings.chain_confirmations + 1)
    redemptions.isolated.run("watch_redemptions")
    assert bought.view().status == "processed"
    (row,) = redemptions.isolated.probe.rows(
        "claiming", "SELECT block_number FROM claims WHERE order_id = :id", id=bought.order.id
    )
    redemptions.chain.reorganise(redemptions.chain.client.head() - row["block_number"] + 1)
    redemptions.chain.mine(redemptions.isolated.settings.chain_confirmations + 2)
    for _ in range(3):
        redemptions.isolated.run("watch_redemptions")
    assert bought.view().status == "processing"
    with redemptions.isolated.later(LATER):
        assert redemptions.isolated.run("process_claims") == {"sent": 0, "refused": 0, "failed": 0}
    assert len(redemptions.nonces(bought)) == 1
    redemptions.isolated.run("track_redemptions")  # hands the same bytes over again
    redemptions.chain.until(lambda: redemptions.owned(bought) == [1], "it is mined again")
    redemptions.confirm()
    assert bought.view().status == "processed"
    assert len(redemptions.nonces(bought)) == 1


# What the platform pays for


def test_what_costs_too_much_is_left_to_its_buyer(redemptions: Redemptions) -> None:
    """A free order in a merchant's own contract: it fails at once, with the reason, and its voucher is still good."""
    dear, cheap = (redemptions.claimed(asset=redemptions.asset(minting)) for minting in (Minting(slots=30), MINTS))
    ran = redemptions.isolated.run("process_claims")
    assert (ran["sent"], ran["refused"]) == (1, 1)
    view = dear.view()
    assert view.status == "failed"
    assert (view.failure.code, view.transaction) == ("GAS_LIMIT", UNSET)  # type: ignore[union-attr]
    event = redemptions.isolated.stream(view.id)[-1]
    assert (event.type, event.data["code"], event.data["reason"]) == ("claim.failed", "GAS_LIMIT", view.failure.detail)  # type: ignore[union-attr]
    assert redemptions.nonces(dear) == []
    assert redemptions.redeem(dear)
    redemptions.confirm()
    for bought in (dear, cheap):
        assert bought.view().status == "processed"
        assert bought.view().failure is UNSET
    gas = "SELECT max(gas)::bigint AS most FROM sendings"
    assert redemptions.isolated.probe.rows("claiming", gas)[0]["most"] <= 500_000
    assert redemptions.isolated.violations() == []


def test_a_dozen_lines_of_the_houses_own_are_paid_for(redemptions: Redemptions) -> None:
    """An ordinary purchase is well within the gas that the platform pays for."""
    bought = redemptions.claimed(*[1] * 12)
    redemptions.settle()
    assert processed(redemptions, bought)


# One bad claim among many


def test_a_poisoned_claim_holds_up_no_other(redemptions: Redemptions) -> None:
    """A failure of the first claim is its own: it is counted, backs off and is retried."""
    bad, good = redemptions.claimed(), redemptions.claimed()
    redemption = ChainRelayer.redemption

    def poisoned(self: ChainRelayer, claim: Claim) -> Any:
        if claim.id == bad.view().id:
            raise ZeroDivisionError
        return redemption(self, claim)

    with patch.object(ChainRelayer, "redemption", poisoned):
        assert redemptions.isolated.run("process_claims") == {"sent": 1, "refused": 0, "failed": 1}
        assert redemptions.isolated.run("process_claims") == {"sent": 0, "refused": 0, "failed": 0}  # it backs off
    failing = "SELECT attempts FROM job_failures WHERE job = 'process_claims' AND item = :id"
    assert redemptions.isolated.probe.rows("claiming", failing, id=bad.view().id) == [{"attempts": 1}]
    with redemptions.isolated.later(LATER / 4):
        redemptions.settle()
    assert processed(redemptions, bad)
    assert processed(redemptions, good)
    assert redemptions.isolated.probe.rows("claiming", failing, id=bad.view().id) == []


def test_a_transaction_that_cannot_be_concluded_holds_up_no_other(redemptions: Redemptions) -> None:
    """The first one meets a defect when it is done: those behind it end, and so does it when the defect is gone."""
    redemptions.settle()  # nothing of other tests is left to be done
    bad, good = redemptions.claimed(), redemptions.claimed()
    redemptions.isolated.run("process_claims")
    redemptions.chain.until(lambda: redemptions.owned(bad) == redemptions.owned(good) == [1], "both are mined")
    redemptions.chain.mine(redemptions.isolated.settings.chain_confirmations + 1)
    lock, bad_id = PostgresClaims.lock_claim, bad.view().id

    def poisoned(self: PostgresClaims, claim_id: str) -> Claim:
        if claim_id == bad_id:
            raise ZeroDivisionError
        return lock(self, claim_id)

    with patch.object(PostgresClaims, "lock_claim", poisoned):
        assert redemptions.isolated.run("track_redemptions") == {"ended": 1}
    with redemptions.isolated.later(LATER / 4):
        assert redemptions.isolated.run("track_redemptions") == {"ended": 1}
    redemptions.settle()
    for bought in (bad, good):
        assert processed(redemptions, bought)


def test_what_cannot_be_saved_stops_nobody_from_being_heard(redemptions: Redemptions) -> None:
    """The first claim of some blocks meets a defect: those behind it are processed, and the chain is read on."""
    redemptions.settle()  # nothing of other tests is left to be heard
    bad, good = redemptions.claimed(), redemptions.claimed()
    redemptions.isolated.run("process_claims")
    redemptions.chain.until(lambda: redemptions.owned(bad) == redemptions.owned(good) == [1], "both are mined")
    save, bad_id = PostgresClaims.save, bad.view().id

    def poisoned(self: PostgresClaims, before: Claim, after: Claim) -> None:
        if after.id == bad_id:
            raise ZeroDivisionError
        save(self, before, after)

    redemptions.chain.mine(redemptions.isolated.settings.chain_confirmations + 1)
    with patch.object(PostgresClaims, "save", poisoned):
        ran = redemptions.isolated.run("watch_redemptions")
        assert (ran["processed"], ran["failed"]) == (1, 1)
        later = redemptions.claimed()
        redemptions.isolated.run("process_claims")
        redemptions.confirm()
    assert [each.view().status for each in (bad, good, later)] == ["processing", "processed", "processed"]
    with redemptions.isolated.later(LATER / 4):
        redemptions.settle()
    for bought in (bad, good, later):
        assert processed(redemptions, bought)


# Wherever it dies

PORTS = (
    (
        PostgresClaims,
        ("due", "lock_claim", "lock_honoured", "save", "record_honoured", "pending_honoured", "consume_honoured"),
    ),
    (PostgresClaimCursor, ("reached", "checkpoints", "advance")),
    (PostgresNonceStore, ("next_nonce", "store", "add", "mark_broadcast", "pending", "reorged", "end")),
    (ChainRelayer, ("redemption", "next_nonce", "fees", "sign", "broadcast", "outcome")),
    (ChainClaimContract, ("head", "place", "headers", "honoured")),
    (Database, ("transaction",)),
)
"""What redeeming calls; every call of it is a step."""


class Crash(BaseException):
    """The process dies here."""


@contextmanager
def stepping(taken: list[str], at: int | None = None, *, after: bool = False) -> Iterator[None]:
    """Record every call of a port; die before or after the one of a number."""

    def stepped(name: str, real: Any) -> Any:
        def step(*given: Any, **named: Any) -> Any:
            number = len(taken)
            taken.append(name)
            if number == at and not after:
                raise Crash
            result = real(*given, **named)
            if number == at:
                raise Crash
            return result

        return step

    @contextmanager
    def committing(name: str, real: Any, *given: Any) -> Iterator[Any]:
        number = len(taken)
        taken.append(name)
        with real(*given) as opened:
            yield opened
            if number == at and not after:
                raise Crash  # all is written, nothing committed
        if number == at:
            raise Crash

    with ExitStack() as patches:
        for owner, methods in PORTS:
            for method in methods:
                real = getattr(owner, method)
                name = f"{owner.__name__}.{method}"
                if owner is Database:
                    patches.enter_context(
                        patch.object(owner, method, lambda *given, _r=real, _n=name: committing(_n, _r, *given))
                    )
                else:
                    patches.enter_context(patch.object(owner, method, stepped(name, real)))
        yield


def undisturbed(redemptions: Redemptions) -> Sequence[str]:
    """The steps of one claim's redemption."""
    redemptions.settle()  # nothing of other tests is left to be done
    redemptions.claimed(2)
    taken: list[str] = []
    with stepping(taken):
        redemptions.settle()
    return taken


@pytest.mark.parametrize("twice", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_crash_anywhere_redeems_once(redemptions: Redemptions, twice: bool) -> None:
    """Before every call that redeeming makes, and every commit, and after the last: the next run ends it, once.

    At length also after each: that is before the next one, but for what happens in between.
    """
    steps = undisturbed(redemptions)
    assert {
        "ChainRelayer.broadcast",
        "PostgresNonceStore.store",
        "PostgresClaims.save",
        "PostgresClaimCursor.advance",
    } <= set(steps)
    points = [(at, after) for at in range(len(steps)) for after in (False, True)]
    if not twice:
        points = [*points[::2], points[-1]]
    crashed = []
    for at, after in points:
        bought = redemptions.claimed(1)
        with stepping([], at, after=after), pytest.raises(Crash):
            redemptions.settle()
        crashed.append((f"{'after' if after else 'before'} {at}, {steps[at]}", bought))
        redemptions.settle()
    for _ in range(2):
        redemptions.settle()
    for where, bought in crashed:
        assert (bought.view().status, bought.story()) == ("processed", STORY), where
        assert len(redemptions.nonces(bought)) == 1, where
        assert redemptions.owned(bought) == [1], where
    assert redemptions.isolated.violations() == []


# What becomes of chains


def test_a_reorganisation_before_the_confirmations_is_waited_out(redemptions: Redemptions) -> None:
    """The block goes with the transaction in it: it is handed to the network again, and counts once."""
    bought = redemptions.claimed()
    redemptions.isolated.run("process_claims")
    sent = "SELECT hash FROM signed_transactions ORDER BY nonce DESC LIMIT 1"
    (row,) = redemptions.isolated.probe.rows("claiming", sent)
    receipt = until(lambda: redemptions.chain.client.receipt(row["hash"]), lambda mined: mined is not None)
    assert receipt
    redemptions.chain.reorganise(redemptions.chain.client.head() - receipt.block_number + 1)
    redemptions.isolated.run("watch_redemptions")
    assert bought.view().status == "processing"
    redemptions.isolated.run("track_redemptions")
    redemptions.chain.until(lambda: redemptions.owned(bought) == [1], "it is mined again")
    redemptions.confirm()
    assert processed(redemptions, bought)


def test_a_deep_reorganisation_has_it_redeemed_again(redemptions: Redemptions) -> None:
    """What was confirmed is gone: the claim is processing again, and processed by the transaction that comes after."""
    bought = redemptions.claimed()
    redemptions.settle()
    assert processed(redemptions, bought)
    (row,) = redemptions.isolated.probe.rows(
        "claiming", "SELECT block_number FROM claims WHERE order_id = :id", id=bought.order.id
    )
    redemptions.chain.reorganise(redemptions.chain.client.head() - row["block_number"] + 1)
    assert redemptions.owned(bought) == [0]
    redemptions.chain.mine(redemptions.isolated.settings.chain_confirmations + 2)
    for _ in range(3):
        redemptions.isolated.run("watch_redemptions")
    assert bought.view().status == "processing"
    for ahead in range(3):
        with redemptions.isolated.later(LATER * ahead):
            redemptions.settle()
    assert redemptions.owned(bought) == [1]
    assert bought.view().status == "processed"
    assert bought.story()[:3] == STORY
    assert redemptions.isolated.violations() == []


def test_a_node_that_is_away_costs_time_alone(redemptions: Redemptions) -> None:
    """No attempt is counted while the node is unavailable; when it is back, the claim is redeemed."""
    bought = redemptions.claimed()

    def away(*_: Any, **__: Any) -> None:
        raise Unavailable

    with patch("shared.chain.node.ChainClient.request", away):
        for row in ("process_claims", "track_redemptions", "watch_redemptions"):
            with pytest.raises(Unavailable):
                redemptions.isolated.run(row)
    assert bought.view().status == "claimed"
    assert failures(redemptions, bought)[0]["failures"] == 0
    redemptions.settle()
    assert processed(redemptions, bought)


# What is left to the buyer


def test_without_a_relayer_a_claim_is_ready_for_its_buyer(redemptions: Redemptions) -> None:
    """It stays claimed, nothing is sent; the buyer redeems it, and the claim is processed."""
    bought = redemptions.claimed()
    with patch.object(
        redemptions.isolated.resources, "settings", replace(redemptions.isolated.settings, claim_redemption="self")
    ):
        redemptions.settle()
        assert bought.view().status == "claimed"
        assert redemptions.redeem(bought)
        redemptions.confirm()
    assert processed(redemptions, bought)
    assert redemptions.nonces(bought) == []


def test_without_a_chain_nothing_happens(redemptions: Redemptions) -> None:
    """And nothing fails: the claim stays claimed."""
    bought = redemptions.claimed()
    with patch.object(Work, "has_chain", False):
        assert redemptions.isolated.run("process_claims") == {"sent": 0, "refused": 0, "failed": 0}
        assert redemptions.isolated.run("track_redemptions") == {"ended": 0}
        assert redemptions.isolated.run("watch_redemptions") == {"blocks": 0, "processed": 0, "undone": 0, "failed": 0}
    assert bought.view().status == "claimed"


def test_a_claim_for_another_chain_is_left_alone(redemptions: Redemptions) -> None:
    """The relayer works on one chain; claims on another are redeemed by their buyers."""
    bought = redemptions.claimed(asset=redemptions.asset(REFUSES, chain_id=OTHER_CHAIN))
    redemptions.settle()
    assert bought.view().status == "claimed"
    assert failures(redemptions, bought)[0]["due_at"] is not None


def test_no_more_wait_to_be_mined_than_a_node_keeps(redemptions: Redemptions) -> None:
    """Beyond that nothing is sent, and nothing is lost by it: it stays due."""
    bought = redemptions.claimed()
    with patch("functions.claiming.process_claims.UNMINED_MOST", 0):
        assert redemptions.isolated.run("process_claims") == {"sent": 0, "refused": 0, "failed": 0}
    assert bought.view().status == "claimed"
    redemptions.settle()
    assert processed(redemptions, bought)


def test_a_claim_that_the_node_refuses_holds_up_no_other(redemptions: Redemptions) -> None:
    """Whatever words the node has for it, it is that claim's failure, and those behind it are sent."""
    bad, good = redemptions.claimed(), redemptions.claimed()
    key, gas = keccak(bad.view().id.encode()), ChainClient.gas

    def picky(self: ChainClient, data: bytes, to: str, sender: str) -> int:
        if key in data:
            raise NodeRefused("gas required exceeds allowance")
        return gas(self, data, to, sender)

    with patch.object(ChainClient, "gas", picky):
        assert redemptions.isolated.run("process_claims") == {"sent": 1, "refused": 1, "failed": 0}
    assert failures(redemptions, bad)[0]["failures"] == 1
    redemptions.confirm()
    assert processed(redemptions, good)
    with redemptions.isolated.later(LATER):
        redemptions.settle()
    assert processed(redemptions, bad)
