"""Money between cells: by the protocol of quotas, on a versioned stream for each pair of cells.

The cell of the payer moves an amount into `transit` and appends the event; the cell of the payee moves it from
`transit` to its account in its inbox's transaction. What the transit accounts of a pair hold is what is under way. Only
settlements and transfers go this way: refunds never leave the order's cell, and operators' transfers span no cells.
"""

from dataclasses import dataclass
from typing import Literal, get_args

Crossing = Literal["settlement", "transfer"]


class NotAcrossCells(Exception):
    """This kind of movement does not leave its cell."""


@dataclass(frozen=True, slots=True)
class Posting:
    """An amount, in atomic units, into an account (negative: out of it)."""

    account: str
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """The event of money that leaves a cell for another. id: the movement's own, unique in the payer's cell.

    version: in the stream (giver, receiver). target: the account that is to have it. fallback: the default wallet of
    the target's owner, which cannot be closed.
    """

    id: str
    giver: str
    receiver: str
    version: int
    currency: str
    amount: int
    target: str
    fallback: str


def transit_account(peer: str) -> str:
    """The account of what is under way between this cell and another; its sign says in which direction."""
    return f"transit:{peer}"


def debit(source: str, transfer: Transfer, kind: str) -> tuple[Posting, Posting]:
    """The payer's postings, in one transaction with the event. kind: of the movement. Raises NotAcrossCells."""
    if kind not in get_args(Crossing):
        raise NotAcrossCells(kind)
    if transfer.giver == transfer.receiver or transfer.amount <= 0:
        raise ValueError("a transfer between cells moves a positive amount to another cell")
    return (
        Posting(source, transfer.currency, -transfer.amount),
        Posting(transit_account(transfer.receiver), transfer.currency, transfer.amount),
    )


def credit(transfer: Transfer, *, target_open: bool) -> tuple[Posting, Posting]:
    """The payee's postings, in the inbox's transaction. A closed target's owner is paid into the default wallet."""
    return (
        Posting(transit_account(transfer.giver), transfer.currency, -transfer.amount),
        Posting(transfer.target if target_open else transfer.fallback, transfer.currency, transfer.amount),
    )
