"""Proof of custody: compares what the vault holds on its chain with what the ledger owes to users."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

BOOKED: Final = "vault_deposits_are_booked"
REQUESTED: Final = "vault_payments_were_asked_for"
COVERED: Final = "vault_holds_what_is_kept"
PAID: Final = "mined_withdrawals_were_paid"
CANCELLED: Final = "failed_withdrawals_were_cancelled"
OWED: Final = "vault_holds_what_is_owed"
INVARIANTS: Final = (BOOKED, REQUESTED, COVERED, PAID, CANCELLED, OWED)

OWNED: Final = ("wallets", "escrow", "fees")
"""The accounts whose balances are owed. A negative one does not reduce what the others are owed."""


class Violation(NamedTuple):
    """A violation of an invariant."""

    invariant: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment by the vault. key: the withdrawal's key in the contract."""

    key: bytes
    currency: str
    amount: int


@dataclass(slots=True)
class Flows:
    """The vault's inflows and payments up to a block, by its chain, in atomic units by currency.

    deposited: for wallets. own: the platform's funding, and tokens transferred without a deposit, which nobody owns.
    cancelled: the keys of the withdrawals that it will never pay.
    """

    deposited: Counter[str] = field(default_factory=Counter)
    own: Counter[str] = field(default_factory=Counter)
    payments: list[Payment] = field(default_factory=list)
    cancelled: set[bytes] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class LedgerSnapshot:
    """The balances of the ledger at one moment.

    balances: by (`wallets` for all wallets together, or a system account; currency). paid_out: the ids of withdrawals
    that are already debited.
    """

    balances: Mapping[tuple[str, str], int]
    paid_out: frozenset[str]

    def owed(self, currency: str) -> int:
        """What the vault owes: all positive balances, less what the faucet has issued, which was never deposited.

        What is under way to other cells is owed by this one, what came from them is not: over all cells that is right.
        """
        owned = sum(max(0, self.balances.get((holder, currency), 0)) for holder in OWNED)
        moved = (holder for holder, of in self.balances if of == currency and holder.startswith(("transit", "faucet")))
        return owned + sum(self.balances[holder, currency] for holder in moved)


class Asked(Protocol):
    """A withdrawal, as far as a proof of custody has to know it."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def status(self) -> str:
        """Its status, see Withdrawal."""

    @property
    def currency(self) -> str:
        """What it pays."""

    @property
    def amount(self) -> int:
        """How much of it."""


class AskedElsewhere(NamedTuple):
    """A withdrawal of another cell."""

    id: str
    status: str
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class CellCustody:
    """What one cell has in its custody, compared at a block.

    booked: deposits up to the block, by currency. beyond: the part of `kept` that was deposited in later blocks.
    """

    booked: Mapping[str, int]
    kept: LedgerSnapshot
    beyond: Mapping[str, int]
    withdrawals: Sequence[Asked]


@dataclass(frozen=True, slots=True)
class AllCustody:
    """What all cells have in their custody: one vault answers for all of them."""

    cells: Sequence[CellCustody]

    def booked(self) -> Mapping[str, int]:
        """The deposits of all cells up to the block, by currency."""
        return sum((Counter(cell.booked) for cell in self.cells), Counter[str]())

    def owed(self, currency: str) -> int:
        """What the vault owes to all cells of what was deposited up to the block."""
        return sum(cell.kept.owed(currency) - cell.beyond.get(currency, 0) for cell in self.cells)

    def currencies(self) -> set[str]:
        """The currencies that any cell has."""
        return {currency for cell in self.cells for _, currency in cell.kept.balances}

    def paid_out(self) -> set[str]:
        """The ids of withdrawals that a cell has debited."""
        return {withdrawal_id for cell in self.cells for withdrawal_id in cell.kept.paid_out}


def find_shortfalls(
    holdings: Mapping[str, int], custody: AllCustody, flows: Flows, withdrawals: Mapping[bytes, Asked]
) -> Iterator[Violation]:
    """The currencies of which the vault holds less than it owes, whichever accounts that is due to.

    holdings, flows, custody: up to one block.
    Requested withdrawals that the vault has paid by then, and the ledger has not debited yet, are no longer owed.
    """
    paid, debited = Counter[str](), custody.paid_out()
    for payment in flows.payments:
        withdrawal = withdrawals.get(payment.key)
        if withdrawal is not None and withdrawal.status != "failed" and withdrawal.id not in debited:
            paid[payment.currency] += payment.amount
    for currency in sorted({*holdings, *custody.currencies()}):
        owed = custody.owed(currency) - paid[currency]
        if owed > holdings.get(currency, 0):
            yield Violation(OWED, currency, f"{holdings.get(currency, 0)} {currency} are there, {owed} are owed")


def find_unseen_payments(flows: Flows, withdrawals: Mapping[bytes, Asked]) -> list[Asked]:
    """Withdrawals that are mined in the ledger but have no payment among the vault's flows."""
    seen = {payment.key for payment in flows.payments}
    return [each for key, each in withdrawals.items() if each.status == "mined" and key not in seen]


def find_unseen_cancellations(flows: Flows, withdrawals: Mapping[bytes, Asked]) -> list[Asked]:
    """Withdrawals that have failed in the ledger, and whose payment is not among those that the vault has cancelled."""
    return [each for key, each in withdrawals.items() if each.status == "failed" and key not in flows.cancelled]


def find_mismatches(
    flows: Flows,
    holdings: Mapping[str, int],
    booked: Mapping[str, int],
    withdrawals: Mapping[bytes, Asked],
    unpaid: Sequence[Asked],
    payable: Sequence[Asked],
) -> Iterator[Violation]:
    """All differences between the vault and the ledger up to one block.

    holdings: the vault's balances by currency, of the currencies that could be read. booked: the ledger's deposits by
    currency, unattributed ones included. withdrawals: the ledger's, by their keys in the contract. unpaid: those of
    them that are mined in the ledger and not paid by the vault until now. payable: those that have failed in the
    ledger, and that the vault has not cancelled until now.

    A vault may hold more ether than was deposited: anybody can force some on it (EIP-6780), and nobody owns that.
    """
    for currency in sorted({*flows.deposited, *booked}):
        if flows.deposited[currency] != booked.get(currency, 0):
            came = f"{flows.deposited[currency]} {currency} came, {booked.get(currency, 0)} are booked"
            yield Violation(BOOKED, currency, came)
    paid = Counter[str]()
    for payment in flows.payments:
        paid[payment.currency] += payment.amount
        withdrawal = withdrawals.get(payment.key)
        if (
            withdrawal is None
            or withdrawal.status == "failed"
            or (withdrawal.currency, withdrawal.amount) != (payment.currency, payment.amount)
        ):
            subject = withdrawal.id if withdrawal else "0x" + payment.key.hex()
            yield Violation(REQUESTED, subject, f"{payment.amount} {payment.currency} were paid")
    for currency, amount in sorted(holdings.items()):
        kept = booked.get(currency, 0) - paid[currency]
        if amount < kept + flows.own[currency]:
            what = f"{amount} {currency} are there, {kept} are kept for users, {flows.own[currency]} are the platform's"
            yield Violation(COVERED, currency, what)
    for withdrawal in unpaid:
        yield Violation(PAID, withdrawal.id, f"{withdrawal.amount} {withdrawal.currency} were taken, and not paid")
    for withdrawal in payable:
        what = f"{withdrawal.amount} {withdrawal.currency} were given back, and can still be paid"
        yield Violation(CANCELLED, withdrawal.id, what)
