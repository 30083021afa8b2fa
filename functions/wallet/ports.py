"""What wallet operations may ask for."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from functions.wallet.domain.holds import Hold
from functions.wallet.domain.ledger import Account, Escrow, EscrowEnd, Seal, Transfer
from functions.wallet.domain.wallet import Reference, Wallet
from functions.wallet.views import BalancesView, EntryView
from shared.contracts.decisions import Decision
from shared.jobs.items import Failures


class Wallets(Protocol):
    """The wallets of users."""

    def open_default(self, wallet: Wallet) -> Wallet:
        """Open a user's default wallet; answers the one that there is, where there is one."""

    def add(self, wallet: Wallet, *, linked: bool) -> None:
        """Open a further wallet. linked: whether its address was proven for it."""

    def save(self, wallet: Wallet) -> None:
        """Keep a wallet under another name, or closed. Raises Contended when another change was first."""

    def get(self, wallet_id: str, owner: str) -> Wallet:
        """A wallet of its owner. Raises NotFound for an absent or malformed id, or another's wallet."""

    def find(self, wallet_ids: Sequence[str], default_of: Sequence[str] = ()) -> list[Wallet]:
        """Wallets by id, and the default wallets of users; unknown ones are left out."""

    def receivers(self, wallet_ids: Sequence[str]) -> Mapping[str, Wallet]:
        """Who receives what is for wallets, by their ids: themselves; for closed ones, the owners' default ones."""

    def lock(self, wallet_id: str) -> None:
        """Let nothing be credited to a wallet, or refer to it anew, until the transaction ends.

        What is read of it afterwards stays so.
        """

    def browse(self, owner: str, after: str | None, most: int) -> list[Wallet]:
        """A user's wallets, newest first, after an id."""


class Ledger(Protocol):
    """Movements of money."""

    def lock(self, wallet_ids: Sequence[str]) -> Mapping[tuple[str, str], Account]:
        """The accounts of wallets by (wallet, currency), locked against change until the transaction ends."""

    def post(self, transfer: Transfer, owners: Mapping[str, str]) -> None:
        """Move money, and tell of it. Raises as follows; then nothing moved.

        InsufficientFunds: a wallet, or an account of the house's that has a floor, has less than is taken.
        WalletClosed: a wallet is credited that is closed. Also BalanceOverflow, AlreadyReversed.
        owners: whose the wallets are that it touches.
        """

    def post_linked(self, transfers: Sequence[tuple[Transfer, Mapping[str, str]]]) -> None:
        """Move money by several transfers, all or none, each with the owners of its wallets. Raises as post does.

        What counts is their effect together: what one brings, a later one may take.
        """

    def seal(self) -> Seal | None:
        """Add a link over what is complete and unsealed to the chain of hashes; None when there is nothing."""

    def roll_up(self, most: int) -> int:
        """Sum the house's own accounts over so many complete transfers at most; how many those were."""

    def find(self, transfer_id: str) -> Transfer:
        """A transfer that was posted. Raises NotFound for an absent or malformed id."""

    def available(self, wallet_ids: Sequence[str]) -> Mapping[tuple[str, str], int]:
        """What may be spent, by (wallet, currency), in atomic units."""

    def balances(self, wallet_id: str, at: datetime | None) -> BalancesView:
        """One consistent picture of balances and holds, now or at a past time."""

    def entries(self, wallet_id: str, after: str | None, most: int) -> Sequence[EntryView]:
        """A wallet's ledger, newest first, after an id."""


class Holds(Protocol):
    """Funds set aside for orders."""

    def find(self, hold_ids: Sequence[str]) -> Mapping[str, Hold]:
        """Holds by id; tombstones among them have no wallet."""

    def lock(self, hold_ids: Sequence[str]) -> Mapping[str, Hold]:
        """Holds by id, locked."""

    def place(self, holds: Sequence[Hold]) -> set[str]:
        """Set funds aside on locked accounts. Returns the ids that had no row before; others are left as they were."""

    def release(self, holds: Sequence[Hold], reason: Mapping[str, str]) -> None:
        """Give placed, locked holds back. reason: by hold id."""

    def bury(self, orders: Mapping[str, str], reason: Mapping[str, str]) -> None:
        """Mark unknown holds released. orders, reason: by hold id. Raises Contended when one was placed meanwhile."""

    def capture(self, hold: Hold, transfer_id: str, amount: int | None = None) -> None:
        """Mark a placed, locked hold captured. What it used up of the account is part of the transfer.

        amount: how much of it was paid; all of it if absent.
        """

    def firm(self, hold_ids: Sequence[str]) -> None:
        """Let holds outlive their time: their orders are confirmed."""

    def expired(self, now: datetime, most: int) -> list[Hold]:
        """Holds past their time about which their orders have to be asked now, but for those that back off.

        Each user's first comes before anybody's second, those that wait longest first.
        """

    def postpone(self, hold_ids: Sequence[str], now: datetime) -> None:
        """Ask about holds whose orders cannot be decided after a while, which doubles each time."""

    def lapse(self, wallet_id: str, now: datetime) -> bool:
        """Give back what is set aside in a wallet for no order, and past its time. Returns whether there was any."""


class Escrows(Protocol):
    """The money of paid orders until it is settled or refunded."""

    def open(self, order_id: str, currency: str, amount: int) -> None:
        """The order was paid."""

    def lock(self, order_id: str) -> Escrow | None:
        """An order's escrow, locked; None when the order was never paid."""

    def end(self, order_id: str, status: EscrowEnd) -> None:
        """What was in it was paid to the merchant, or back to the buyer."""

    def wait_for(self, wallet_id: str) -> bool:
        """Whether an order may still be refunded to this wallet, or pay out to it."""


class Payouts(Protocol):
    """Which supplies pay out to which wallets."""

    def refer(self, supply_id: str, wallet_id: str) -> bool:
        """Note that a supply pays out to a wallet. Returns whether that is open, and stays so."""

    def of(self, wallet_id: str) -> Sequence[Reference]:
        """The supplies that are noted to pay out to a wallet."""

    def due(self, now: datetime, most: int) -> Sequence[Reference]:
        """References about which their supplies have to be asked now, those that wait longest first."""

    def drop(self, references: Sequence[Reference]) -> int:
        """Forget references that are over. Returns how many were not noted again since they were read."""

    def postpone(self, references: Sequence[Reference]) -> None:
        """Ask about references that stand again much later."""


class Supplies(Protocol):
    """What the supply service is asked."""

    def ended(self, references: Sequence[Reference]) -> Sequence[Reference]:
        """Those of references whose supplies do not pay there any more, or never did. Raises Unavailable."""


class Orders(Protocol):
    """What the order service is asked."""

    def decide(self, order_ids: Sequence[str]) -> Mapping[str, Decision]:
        """What became of orders whose holds are past their time. Raises Unavailable."""


class Identity(Protocol):
    """What the identity service is asked."""

    def link(self, user_id: str, message: str, signature: str, command: str) -> tuple[str, int]:
        """The address (EIP-55) and chain id that a signed EIP-4361 message proves, claimed for the user.

        command: for what; the message is good for that alone.
        Raises Malformed, Unauthenticated, Refusal ADDRESS_TAKEN, Unavailable.
        """


class WalletWork(Protocol):
    """The work of one operation on wallets."""

    wallets: Wallets
    ledger: Ledger
    holds: Holds
    escrows: Escrows
    payouts: Payouts
    supplies: Supplies
    identity: Identity

    @property
    def command(self) -> str:
        """What this request is known by on every try: its idempotency key, its caller and its content in one."""

    @property
    def failures(self) -> Failures:
        """The items of jobs that failed."""

    def now(self) -> datetime:
        """The time of this operation."""

    def new_id(self, prefix: str) -> str:
        """A fresh id, at home in this cell."""


class SweepWork(Protocol):
    """The work of the sweeper: transactions of its own, with questions to the order service in between."""

    orders: Orders
    supplies: Supplies

    def now(self) -> datetime:
        """The present."""

    def transaction(self) -> AbstractContextManager[WalletWork]:
        """Work of its own transaction, committed at the end."""
