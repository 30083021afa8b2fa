"""Proof of custody: what a vault holds on its chain, beside what the ledger says that it keeps for users."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from functions.wallet.domain.custody import Withdrawal

BOOKED: Final = "vault_deposits_are_booked"
ASKED_FOR: Final = "vault_payments_were_asked_for"
COVERED: Final = "vault_holds_what_is_kept"
PAID: Final = "mined_withdrawals_were_paid"
OWED: Final = "vault_holds_what_is_owed"
INVARIANTS: Final = (BOOKED, ASKED_FOR, COVERED, PAID, OWED)

OWNED: Final = ("wallets", "escrow", "fees")
"""What is owed to whoever has it. One that is below zero takes nothing from what the others are owed."""


class Breach(NamedTuple):
    """Something that breaks an invariant."""

    invariant: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment of the vault's. `key`: the withdrawal, as the vault knows it."""

    key: bytes
    currency: str
    amount: int


@dataclass(slots=True)
class Flows:
    """What a vault's chain says of it up to a block, in atomic units by currency.

    deposited: for wallets. own: the house's, by its own word, and tokens that came without a word and are nobody's.
    payments: what the vault paid.
    """

    deposited: Counter[str] = field(default_factory=Counter)
    own: Counter[str] = field(default_factory=Counter)
    payments: list[Payment] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the ledger says that is kept for people and for the house, at one moment.

    balances: by (`wallets` or an account of the house's, currency). left: the withdrawals whose money is not in it any
    more.
    """

    balances: Mapping[tuple[str, str], int]
    left: frozenset[str]

    def owed(self, currency: str) -> int:
        """What the vault owes: what everybody has, but for what the faucet has issued, which nobody brought."""
        owned = sum(max(0, self.balances.get((holder, currency), 0)) for holder in OWNED)
        return owned + sum(self.balances.get((holder, currency), 0) for holder in ("transit", "faucet"))


def unowed(
    holdings: Mapping[str, int],
    kept: Kept,
    beyond: Mapping[str, int],
    flows: Flows,
    withdrawals: Mapping[bytes, Withdrawal],
) -> Iterator[Breach]:
    """The currencies of which the vault has less than it owes, by whichever accounts that came about.

    holdings, flows: up to one block. beyond: what is kept and has come by later blocks, by currency. What the vault has
    paid by then, and the ledger is yet to hear of, is owed no more; but only to who asked for it.
    """
    paid = Counter[str]()
    for payment in flows.payments:
        asked = withdrawals.get(payment.key)
        if asked is not None and asked.status != "failed" and asked.id not in kept.left:
            paid[payment.currency] += payment.amount
    for currency in sorted({*holdings, *(currency for _, currency in kept.balances)}):
        owed = kept.owed(currency) - beyond.get(currency, 0) - paid[currency]
        if owed > holdings.get(currency, 0):
            yield Breach(OWED, currency, f"{holdings.get(currency, 0)} {currency} are there, {owed} are owed")


def unshown(flows: Flows, withdrawals: Mapping[bytes, Withdrawal]) -> list[Withdrawal]:
    """Withdrawals that the ledger has as mined, and whose payment is not among what the vault's chain says."""
    shown = {payment.key for payment in flows.payments}
    return [asked for key, asked in withdrawals.items() if asked.status == "mined" and key not in shown]


def breaches(
    flows: Flows,
    holdings: Mapping[str, int],
    booked: Mapping[str, int],
    withdrawals: Mapping[bytes, Withdrawal],
    unpaid: Sequence[Withdrawal],
) -> Iterator[Breach]:
    """What differs, all of it up to one block.

    holdings: what the vault has, by currency, of those that could be read. booked: the ledger's deposits by currency,
    those of unknown wallets among them. withdrawals: the ledger's, by the vault's keys. unpaid: those of them that are
    mined to the ledger, and that the vault has not paid to this moment.

    A vault may have more ether than it was given: anybody can force some on it (EIP-6780), and nobody owns that.
    """
    for currency in sorted({*flows.deposited, *booked}):
        if flows.deposited[currency] != booked.get(currency, 0):
            came = f"{flows.deposited[currency]} {currency} came, {booked.get(currency, 0)} are booked"
            yield Breach(BOOKED, currency, came)
    paid = Counter[str]()
    for payment in flows.payments:
        paid[payment.currency] += payment.amount
        asked = withdrawals.get(payment.key)
        if (
            asked is None
            or asked.status == "failed"
            or (asked.currency, asked.amount) != (payment.currency, payment.amount)
        ):
            subject = asked.id if asked else "0x" + payment.key.hex()
            yield Breach(ASKED_FOR, subject, f"{payment.amount} {payment.currency} were paid")
    for currency, amount in sorted(holdings.items()):
        kept = booked.get(currency, 0) - paid[currency]
        if amount < kept + flows.own[currency]:
            what = f"{amount} {currency} are there, {kept} are kept for users, {flows.own[currency]} are the house's"
            yield Breach(COVERED, currency, what)
    for asked in unpaid:
        yield Breach(PAID, asked.id, f"{asked.amount} {asked.currency} were taken, and not paid")
