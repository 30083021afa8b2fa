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
INVARIANTS: Final = (BOOKED, ASKED_FOR, COVERED, PAID)


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
