"""The ledger and its holds against a model of a few lines, step by step."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from functions.wallet.adapters.work import Work
from functions.wallet.domain.errors import CaptureTooLarge, HoldEnded, InsufficientFunds
from functions.wallet.domain.holds import Capture, Hold, HoldRequest, place
from functions.wallet.domain.ledger import Account, Posting, Transfer, reversal
from shared import ids
from shared.errors import Refusal
from tests.isolated_services import IsolatedServices, IsolatedUser

AMOUNTS = st.integers(1, 60)
CURRENCIES = st.sampled_from(["USDC", "ETH"])


class LedgerMachine(RuleBasedStateMachine):
    """Random movements on an isolated ledger, each repeated on the model; both must agree, in refusals too."""

    isolated: IsolatedServices
    wallets = Bundle("wallets")
    holds = Bundle("holds")
    transfers = Bundle("transfers")

    def __init__(self) -> None:
        super().__init__()
        self.posted: dict[tuple[str, str], int] = defaultdict(int)
        self.held: dict[tuple[str, str], int] = defaultdict(int)
        self.open: dict[str, Hold] = {}
        self.users: dict[str, str] = {}

    def work(self) -> Any:
        """The wallet service's work, in a transaction of its own."""
        return Work(self.isolated.resources, "wallet").transaction()

    def agree(self, allowed: bool, refusal: type[Refusal], act: Any) -> None:
        """The ledger does what the model allows, and refuses what it does not."""
        if allowed:
            act()
        else:
            with pytest.raises(refusal):
                act()

    @rule(target=wallets)
    def open_wallet(self) -> IsolatedUser:
        somebody = self.isolated.new_user()
        self.users[somebody.wallet_id] = somebody.user_id
        return somebody

    @rule(wallet=wallets, currency=CURRENCIES, amount=AMOUNTS)
    def fund(self, wallet: IsolatedUser, currency: str, amount: int) -> None:
        self.isolated.fund(wallet, amount, currency)
        self.posted[wallet.wallet_id, currency] += amount

    @rule(target=transfers, payer=wallets, payee=wallets, currency=CURRENCIES, amount=AMOUNTS)
    def transfer(self, payer: IsolatedUser, payee: IsolatedUser, currency: str, amount: int) -> Transfer | None:
        if payer is payee:
            return None
        key = payer.wallet_id, currency
        postings = (Posting(payer.wallet_id, currency, -amount), Posting(payee.wallet_id, currency, amount))

        def move() -> None:
            with self.work() as work:
                moved.append(Transfer(work.new_id("trf"), "transfer", postings, work.now()))
                work.ledger.post(moved[0], {})

        moved: list[Transfer] = []
        allowed = self.posted[key] - self.held[key] >= amount
        self.agree(allowed, InsufficientFunds, move)
        if not allowed:
            return None
        self.posted[key] -= amount
        self.posted[payee.wallet_id, currency] += amount
        return moved[0]

    @rule(one=wallets, two=wallets, three=wallets, currency=CURRENCIES, amount=AMOUNTS)
    def linked(self, one: IsolatedUser, two: IsolatedUser, three: IsolatedUser, currency: str, amount: int) -> None:
        """Money that passes through a second wallet to a third, all or nothing."""
        if len({one.wallet_id, two.wallet_id, three.wallet_id}) < 3:
            return
        legs = ((one, two), (two, three))

        def move() -> None:
            with self.work() as work:
                work.ledger.post_linked(
                    [
                        (
                            Transfer(
                                work.new_id("trf"),
                                "transfer",
                                (Posting(a.wallet_id, currency, -amount), Posting(b.wallet_id, currency, amount)),
                                work.now(),
                            ),
                            {},
                        )
                        for a, b in legs
                    ]
                )

        key = one.wallet_id, currency
        # What the second wallet passes on is what it was just given; what it holds aside is not touched.
        allowed = self.posted[key] - self.held[key] >= amount
        self.agree(allowed, InsufficientFunds, move)
        if allowed:
            self.posted[key] -= amount
            self.posted[three.wallet_id, currency] += amount

    @rule(transfer=transfers)
    def reverse(self, transfer: Transfer | None) -> None:
        """The correction of a transfer: once, and only while the money is still there."""
        if transfer is None or transfer.id in self.users:
            return
        paying, receiving = transfer.postings
        back = receiving.account, receiving.currency

        def move() -> None:
            with self.work() as work:
                work.ledger.post(reversal(work.ledger.find(transfer.id), work.new_id("trf"), work.now()), {})

        allowed = self.posted[back] - self.held[back] >= receiving.amount
        self.agree(allowed, InsufficientFunds, move)
        if allowed:
            self.users[transfer.id] = "reversed"
            self.posted[back] -= receiving.amount
            self.posted[paying.account, paying.currency] += receiving.amount

    @rule(target=holds, wallet=wallets, currency=CURRENCIES, amount=AMOUNTS)
    def hold(self, wallet: IsolatedUser, currency: str, amount: int) -> str | None:
        order_id = ids.new("ord", "us")
        key = wallet.wallet_id, currency
        with self.work() as work:
            expires_at = work.now() + timedelta(minutes=15)
            wanted = HoldRequest(ids.sibling(order_id, "hld"), order_id, wallet.wallet_id, currency, amount, expires_at)
            accounts = work.ledger.lock([wallet.wallet_id])
            decided = place([wanted], {w.id: w for w in work.wallets.find([wallet.wallet_id])}, accounts)
            work.holds.place(decided.placed)
        allowed = self.posted[key] - self.held[key] >= amount
        assert bool(decided.placed) == allowed
        if not allowed:
            return None
        self.held[key] += amount
        self.open[wanted.id] = decided.placed[0]
        return wanted.id

    @rule(hold_id=holds, part=st.integers(1, 70))
    def capture(self, hold_id: str | None, part: int) -> None:
        """A part of a hold, or all of it, is paid into escrow; the rest goes back."""
        if hold_id is None:
            return

        def move() -> None:
            with self.work() as work:
                hold = work.holds.lock([hold_id])[hold_id]
                leg, _ = hold.capture(part, work.now())
                postings = (leg, Posting("escrow", hold.currency, part))
                transfer = Transfer(work.new_id("trf"), "capture", postings, work.now(), order_id=hold.order_id)
                work.ledger.post(transfer, {})
                work.holds.capture([Capture(hold, transfer.id, part)])
                work.escrows.open([(hold.order_id, hold.currency, part)])

        hold = self.open.get(hold_id)
        if hold is None:
            self.agree(False, HoldEnded, move)
            return
        self.agree(part <= hold.amount, CaptureTooLarge, move)
        if part <= hold.amount:
            del self.open[hold_id]
            self.held[hold.wallet_id, hold.currency] -= hold.amount
            self.posted[hold.wallet_id, hold.currency] -= part

    @rule(hold_id=holds)
    def release(self, hold_id: str | None) -> None:
        if hold_id is None:
            return
        with self.work() as work:
            locked = [hold for hold in work.holds.lock([hold_id]).values() if hold.status == "placed"]
            work.holds.release(locked, {hold_id: "cancelled"})
        hold = self.open.pop(hold_id, None)
        assert bool(locked) == (hold is not None)
        if hold:
            self.held[hold.wallet_id, hold.currency] -= hold.amount

    @invariant()
    def balances_agree(self) -> None:
        wallets = [wallet_id for wallet_id in self.users if wallet_id.startswith("wal")]
        with self.work() as work:
            accounts = work.ledger.lock(wallets)
        for wallet_id in wallets:
            for currency in ("USDC", "ETH"):
                account = accounts.get((wallet_id, currency), Account(wallet_id, currency))
                key = wallet_id, currency
                assert (account.posted, account.held) == (self.posted[key], self.held[key])
                assert account.available >= 0


def run(isolated: IsolatedServices, examples: int, steps: int) -> None:
    """Run the state machine against isolated services, and audit them afterwards."""
    LedgerMachine.isolated = isolated
    how = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(LedgerMachine, settings=how)
    assert isolated.violations() == []


def test_the_ledger_agrees_with_its_model(isolated: IsolatedServices) -> None:
    """Whatever is moved, held, captured, released and reversed, balances are the model's and no invariant breaks."""
    run(isolated, examples=8, steps=40)


@pytest.mark.long
def test_the_ledger_agrees_with_its_model_for_long(isolated: IsolatedServices) -> None:
    """The same over 10,000 steps."""
    run(isolated, examples=100, steps=100)
