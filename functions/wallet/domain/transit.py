"""Money between cells: what leaves this cell for a wallet of another, and what arrives here.

The cell of the payer moves an amount into its account `transit:<other cell>` and appends `transit.sent` to the stream
of the two cells, in one transaction. The cell of the payee moves it out of its own account `transit:<payer's cell>` in
its inbox's transaction. What the two accounts have together is under way. The rules are those of
shared/cells/transit.py, which the simulation of cells drives.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Literal

from functions.wallet.domain.ledger import Posting, Transfer
from functions.wallet.domain.wallet import Wallet
from shared import ids
from shared.cells import transit

ArrivalStatus = Literal["uncredited", "credited"]


@dataclass(frozen=True, slots=True)
class Movement:
    """An amount, in atomic units, on its way to a wallet of another cell.

    transfer_id: the payer's transfer. from_wallet_id, from_user_id: empty for what an order's escrow pays.
    to_user_id: whose default wallet is credited if that wallet is closed. order_id: empty but for a settlement.
    """

    transfer_id: str
    kind: str
    currency: str
    amount: int
    to_wallet_id: str
    to_user_id: str
    from_wallet_id: str = ""
    from_user_id: str = ""
    order_id: str = ""
    reference: str = ""

    def between(self, giver: str, receiver: str, fallback: str = "") -> transit.Transfer:
        """The movement in the protocol's words. fallback: the wallet that is credited if the other is closed."""
        return transit.Transfer(
            id=self.transfer_id,
            giver=giver,
            receiver=receiver,
            version=0,  # its stream's; neither side's postings depend on it
            currency=self.currency,
            amount=self.amount,
            target=self.to_wallet_id,
            fallback=fallback,
        )


@dataclass(frozen=True, slots=True)
class Incoming:
    """A movement that has arrived from another cell; `version` is its place in the stream of the two."""

    looked_after: ClassVar[Mapping[str, str]] = {"uncredited": "credit_transits"}
    ends: ClassVar[frozenset[str]] = frozenset({"credited"})
    """The scheduled job that handles each non-final state, at a stored time; and the final states."""

    giver: str
    version: int
    movement: Movement
    status: ArrivalStatus = "uncredited"


@dataclass(frozen=True, slots=True)
class RemoteWallet:
    """A wallet of another cell, as far as a payer has to know it."""

    id: str
    user_id: str
    open: bool


@dataclass(frozen=True, slots=True)
class Sums:
    """What one cell has sent to another up to a version of their stream, condensed so that both sides can compare it.

    digest: a sum over the movements, in which each counts with its version, transfer, currency, amount and wallet.
    """

    movements: int
    digest: str


def stream_of(giver: str, receiver: str) -> str:
    """The stream of what one cell sends to another."""
    return ids.between("trn", giver, receiver)


def elsewhere(wallet_id: str, cell: str) -> bool:
    """Whether an id is that of a wallet in another cell than this one."""
    return ids.valid(wallet_id, "wal") and ids.cell_of(wallet_id) != cell


def leaving(
    transfer: Transfer, cell: str, owners: Mapping[str, str], payer: tuple[str, str] = ("", "")
) -> tuple[Transfer, list[Movement]]:
    """The transfer as this cell posts it, and what it sends: credits to wallets of other cells go into transit.

    owners: the user ids of those wallets, by wallet id. payer: the paying wallet and its owner; empty for an escrow.
    Raises NotAcrossCells for a kind of transfer that stays in its cell: a defect.
    """
    postings, movements = list[Posting](), list[Movement]()
    for leg in transfer.postings:
        if leg.amount < 0 or not elsewhere(leg.account, cell):
            postings.append(leg)
            continue
        movement = Movement(
            transfer_id=transfer.id,
            kind=transfer.kind,
            currency=leg.currency,
            amount=leg.amount,
            to_wallet_id=leg.account,
            to_user_id=owners[leg.account],
            from_wallet_id=payer[0],
            from_user_id=payer[1],
            order_id=transfer.order_id or "",
            reference=transfer.reference,
        )
        receiver = ids.parse(leg.account, "wal").cell
        _, into = transit.debit(payer[0] or "escrow", movement.between(cell, receiver), transfer.kind)
        postings.append(Posting(into.account, into.currency, into.amount, counterpart=leg.account))
        movements.append(movement)
    return replace(transfer, postings=tuple(postings)), movements


def payee(movement: Movement, wallets: Sequence[Wallet]) -> Wallet | None:
    """Who is credited: the wallet that it was sent to while that is open, else its owner's default wallet.

    wallets: those of the two that this cell has. None if it has neither, or the former is of somebody else.
    """
    own = [wallet for wallet in wallets if wallet.open and wallet.user_id == movement.to_user_id]
    meant = next((wallet for wallet in own if wallet.id == movement.to_wallet_id), None)
    return meant or next((wallet for wallet in own if wallet.is_default), None)


def arriving(arrival: Incoming, cell: str, payee: Wallet, transfer_id: str, at: datetime) -> Transfer:
    """The transfer that credits an arrival.

    It has no `order_id`: the order is of another cell, and may pay several wallets here.
    """
    movement = arrival.movement
    as_meant = payee.id == movement.to_wallet_id
    out, into = transit.credit(movement.between(arrival.giver, cell, payee.id), target_open=as_meant)
    return Transfer(
        id=transfer_id,
        kind=movement.kind,
        postings=(
            Posting(out.account, out.currency, out.amount, counterpart=movement.from_wallet_id),
            Posting(into.account, into.currency, into.amount, in_place_of="" if as_meant else movement.to_wallet_id),
        ),
        created_at=at,
        reference=movement.order_id or movement.reference,
    )
