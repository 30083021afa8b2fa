"""The ports of the wallet service: what its operations need from storage, the chain and other services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shared.chain.core.block_scanner import Blocks, Cursor
from shared.chain.core.dispatcher import NonceStore, Sender

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from functions.wallet.domain.custody import (
        Arrival,
        Cancellation,
        Deposit,
        DepositAddress,
        Owner,
        Withdrawal,
        WithdrawalTerms,
    )
    from functions.wallet.domain.holds import Capture, Hold
    from functions.wallet.domain.ledger import Account, Escrow, EscrowEnd, Seal, Transfer
    from functions.wallet.domain.proof import CellCustody, Flows, LedgerSnapshot
    from functions.wallet.domain.transit import Incoming, Movement, RemoteWallet, Sums
    from functions.wallet.domain.wallet import PayoutReference, Wallet
    from functions.wallet.views import BalancesView, EntryView
    from shared.chain.core.values import ContractCall, Header, ScanResult
    from shared.contracts.decisions import Decision
    from shared.jobs.items import FailureStore


class Wallets(Protocol):
    """The wallets of users."""

    def open_default(self, wallet: Wallet) -> Wallet:
        """Open a user's default wallet. Returns the existing one if there is one already."""

    def add(self, wallet: Wallet, *, linked: bool) -> None:
        """Open a further wallet. linked: whether its address was proven for it."""

    def save(self, wallet: Wallet) -> None:
        """Store a renamed or closed wallet. Raises Contended when another change was committed first."""

    def get(self, wallet_id: str, owner: str) -> Wallet:
        """A wallet of its owner. Raises NotFound for an absent or malformed id, or another's wallet."""

    def find(self, wallet_ids: Sequence[str], default_of: Sequence[str] = ()) -> list[Wallet]:
        """Wallets by id, and the default wallets of users; unknown ids are left out."""

    def recipients(self, wallet_ids: Sequence[str]) -> Mapping[str, Wallet]:
        """By wallet id, the wallet that is credited: itself while open, else its owner's default wallet."""

    def lock(self, wallet_id: str) -> None:
        """Prevent credits to a wallet, and new payout references to it, until the transaction ends.

        What is read about it after this call cannot change before the commit.
        """

    def browse(self, owner: str | None, after: str | None, most: int, wallet_id: str | None = None) -> list[Wallet]:
        """The wallets of a user, or of all for None, newest first, starting after an id. wallet_id: only this one."""


class Ledger(Protocol):
    """The double-entry ledger."""

    def lock(self, wallet_ids: Sequence[str]) -> Mapping[tuple[str, str], Account]:
        """The accounts of wallets by (wallet id, currency), locked until the transaction ends."""

    def post(self, transfer: Transfer, owners: Mapping[str, str]) -> None:
        """Post a transfer and append its event. When it raises, nothing was posted.

        owners: the user ids of the wallets in it, by wallet id.
        Raises InsufficientFunds when a wallet, or a system account that has a floor, has less than is taken;
        WalletIsClosed when a closed wallet is credited; BalanceOverflow; AlreadyReversed.
        """

    def post_linked(self, transfers: Sequence[tuple[Transfer, Mapping[str, str]]]) -> None:
        """Post several transfers, all or none, each with the owners of its wallets.

        Raises InsufficientFunds, WalletIsClosed and BalanceOverflow as `post` does.
        Only their combined effect must be covered: a later transfer may spend what an earlier one brings in.
        """

    def seal(self) -> Seal | None:
        """Seal the entries of all transactions that are complete and unsealed; None when there are none."""

    def roll_up(self, most: int) -> int:
        """Roll up the balances of the system accounts over at most so many complete transfers. Returns how many."""

    def find(self, transfer_id: str) -> Transfer:
        """A posted transfer. Raises NotFound for an absent or malformed id."""

    def available(self, wallet_ids: Sequence[str]) -> Mapping[tuple[str, str], int]:
        """Available balances in atomic units, by (wallet id, currency)."""

    def balances(self, wallet_id: str, at: datetime | None) -> BalancesView:
        """A consistent snapshot of balances and holds, now or at a past time."""

    def entries(self, wallet_id: str, after: str | None, most: int) -> Sequence[EntryView]:
        """A wallet's ledger entries, newest first, starting after an id."""


class Holds(Protocol):
    """Holds: funds set aside, captured or released once."""

    def lock(self, hold_ids: Sequence[str]) -> Mapping[str, Hold]:
        """Holds by id, locked; tombstones among them have no wallet."""

    def read(
        self, wallet_ids: Sequence[str], hold_ids: Sequence[str]
    ) -> tuple[Mapping[tuple[str, str], Account], Mapping[str, Hold], Sequence[Wallet]]:
        """All that a decision on holds needs, at once: the accounts of wallets, locked; holds by id; the wallets."""

    def place(self, holds: Sequence[Hold]) -> None:
        """Place holds on locked accounts. The commit raises Contended if one has a row by then, such as a tombstone."""

    def release(self, holds: Sequence[Hold], reason: Mapping[str, str]) -> None:
        """Release placed, locked holds. reason: by hold id."""

    def write_tombstones(self, orders: Mapping[str, str], reason: Mapping[str, str]) -> None:
        """Mark unknown holds released. orders, reason: by hold id. Raises Contended when one was placed meanwhile."""

    def capture(self, captures: Sequence[Capture]) -> None:
        """Mark placed, locked holds captured. The transfers themselves reduce the held amounts of the accounts."""

    def firm(self, hold_ids: Sequence[str]) -> None:
        """Make holds firm: their orders are confirmed, so they no longer expire."""

    def expired(self, now: datetime, most: int) -> list[Hold]:
        """Expired holds whose orders are due to be checked now, without those that back off.

        Each user's first comes before any user's second, those that have waited longest first.
        """

    def back_off(self, hold_ids: Sequence[str], now: datetime) -> None:
        """Postpone the next check of holds whose orders are still undecided; the delay doubles each time."""

    def lapse(self, wallet_id: str, now: datetime) -> bool:
        """Release a wallet's expired holds that belong to no order. Returns whether there were any."""


class Escrows(Protocol):
    """The money of paid orders until it is settled or refunded."""

    def open(self, escrows: Sequence[tuple[str, str, int]]) -> None:
        """Open the escrows of orders that were just paid: order id, currency and amount of each, at least one."""

    def lock(self, order_id: str) -> Escrow | None:
        """An order's escrow, locked; None when the order was never paid."""

    def end(self, order_id: str, status: EscrowEnd) -> None:
        """Close an escrow whose money was paid to the merchant or back to the buyer."""

    def may_still_pay(self, wallet_id: str) -> bool:
        """Whether an order may still be refunded to this wallet, or be paid out to it."""


class Payouts(Protocol):
    """Which supplies pay out to which wallets."""

    def refer(self, supply_id: str, wallet_id: str) -> bool:
        """Record that a supply pays out to a wallet, which then cannot be closed. Returns false if it is closed."""

    def of(self, wallet_id: str) -> Sequence[PayoutReference]:
        """The supplies that are recorded to pay out to a wallet."""

    def due(self, now: datetime, most: int) -> Sequence[PayoutReference]:
        """References whose supplies are due to be checked now, those that have waited longest first."""

    def drop(self, references: Sequence[PayoutReference]) -> int:
        """Delete ended references, unless recorded again since they were read. Returns how many were deleted."""

    def back_off(self, references: Sequence[PayoutReference]) -> None:
        """Postpone the next check of references that still hold."""


class Transits(Protocol):
    """Money between cells: what was sent to others, and what has arrived from them."""

    def send(self, movements: Sequence[Movement]) -> None:
        """Append the events of movements whose transfers this transaction posts, each next in its stream.

        Called last, since others that send to the same cell wait from here until the commit.
        """

    def record(self, arrival: Incoming) -> bool:
        """Record what has arrived. Returns false if it was before. Raises Unavailable if an earlier one is missing."""

    def end(self, arrival: Incoming, transfer_id: str) -> None:
        """Mark an arrival credited by a transfer. Raises Contended if it was before."""

    def lock_uncredited(self, giver: str, version: int) -> Incoming | None:
        """An arrival that is not credited, locked; None when it is by now."""

    def uncredited(self, most: int) -> Sequence[tuple[str, int]]:
        """The giver and version of arrivals that are not credited, without those that back off; the oldest first."""

    def arrived(self, at: datetime | None) -> Mapping[str, tuple[int, Sums]]:
        """By the cell that has sent it, up to which version something has arrived, by a time or now, and its sums."""

    def sent(self, receiver: str, through: int) -> Sums:
        """What was sent to a cell up to a version."""


class OtherCells(Protocol):
    """The wallet services of other cells."""

    def wallet(self, wallet_id: str) -> RemoteWallet | None:
        """A wallet of another cell; None if there is no such wallet, or no such cell. Raises Unavailable."""

    def sent(self, giver: str, through: int) -> Sums:
        """What a cell has sent to this one, up to a version. Raises Unavailable."""

    def claim(self, arrivals: Sequence[Arrival]) -> tuple[set[Arrival], bool]:
        """Those of some deposits that other cells take on as their own, and whether all could be asked."""

    def custody(self, number: int, at: datetime | None) -> Sequence[CellCustody]:
        """What each other cell has in its custody, compared at a block. Raises Unavailable if one cannot be asked."""

    def lowest_block(self) -> int | None:
        """The lowest block that another cell has read up to; None if there is none. Raises Unavailable."""


class Supplies(Protocol):
    """The supply service."""

    def ended(self, references: Sequence[PayoutReference]) -> Sequence[PayoutReference]:
        """The references whose supplies no longer pay out there, or never did. Raises Unavailable."""


class Orders(Protocol):
    """The order service."""

    def decide(self, order_ids: Sequence[str]) -> Mapping[str, Decision]:
        """What became of orders whose holds have expired, by order id. Raises Unavailable."""


class Identity(Protocol):
    """The identity service."""

    def link(self, user_id: str, message: str, signature: str, command: str) -> tuple[str, int]:
        """Link the address that a signed EIP-4361 message proves to the user. Returns it (EIP-55) and its chain id.

        command: identifies the request; the message is accepted for this command only.
        Raises Malformed, SignInRefused, AddressTaken, ChainUnavailable, Unavailable.
        """


class WalletWork(Protocol):
    """The work of one operation on wallets."""

    wallets: Wallets
    ledger: Ledger
    holds: Holds
    escrows: Escrows
    payouts: Payouts
    transits: Transits
    supplies: Supplies
    identity: Identity
    other_cells: OtherCells

    @property
    def cell(self) -> str:
        """The cell whose wallets these are."""

    @property
    def command(self) -> str:
        """The identity of this request on every retry: its idempotency key, caller and content combined."""

    @property
    def failures(self) -> FailureStore:
        """The items of jobs that failed."""

    def now(self) -> datetime:
        """The time of this operation."""

    def new_id(self, prefix: str) -> str:
        """A new id of this cell."""


class SweepWork(Protocol):
    """The work of a sweep: it opens its own transactions, and calls other services outside of them."""

    orders: Orders
    supplies: Supplies

    def now(self) -> datetime:
        """The present."""

    def transaction(self) -> AbstractContextManager[WalletWork]:
        """The work of a new transaction, committed at the end."""


class TransitAuditWork(Protocol):
    """The work of an audit of money between cells: it asks other cells outside of its transactions."""

    other_cells: OtherCells

    def transaction(self) -> AbstractContextManager[WalletWork]:
        """The work of a new transaction, committed at the end."""


class Vault(Blocks, Protocol):
    """The vault contract, which holds what users have deposited, and its chain."""

    chain_id: int

    @property
    def currencies(self) -> Sequence[str]:
        """The currencies that the vault accepts and pays."""

    def asset(self, currency: str) -> str | None:
        """The token contract of a currency, in its EIP-55 form; None for the chain's native currency."""

    def terms(self, currency: str) -> WithdrawalTerms:
        """The minimum and the fee of withdrawals in a currency."""

    def collection_minimum(self, currency: str) -> int:
        """The minimum balance of a deposit address that is worth collecting: less would cost more than it brings."""

    def key(self, wallet_id: str) -> bytes:
        """The key by which the contract knows a wallet or a withdrawal: keccak256 of its id."""

    def recipient(self, text: str) -> str:
        """The recipient of a withdrawal, in its EIP-55 form.

        Raises ValueError when the text is no address, is zero, has a wrong checksum, or is an address of the platform:
        what is sent to the vault, the treasury or a token contract is lost.
        """

    def deposit_address(self, wallet_id: str) -> str:
        """The deposit address of a wallet."""

    def arrivals(self, again: Sequence[Header], fresh: Sequence[Header]) -> ScanResult[Arrival]:
        """The deposits in blocks, in the order of the chain, as far as they are proven complete."""

    def number_at(self, at: datetime) -> int:
        """The number of the last block made at or before a time; the one before the start block if there is none.

        Raises Unavailable if the node lacks a block that was made then.
        """

    def flows(self, last: int) -> Flows:
        """All deposits, payments and cancellations up to a block."""

    def holdings(self, number: int) -> Mapping[str, int]:
        """The vault's balances after a block, by currency; empty when the node no longer has that state."""

    def uncollected(self, keys: Sequence[bytes], currency: str) -> Sequence[int]:
        """Balances of the deposit addresses of wallets. Raises Unavailable, also when a token contract fails."""

    def paid(self, withdrawal_id: str, number: int | None = None) -> bool:
        """Whether a withdrawal was paid, by any transaction, as of a block; the latest by default."""

    def cancelled(self, withdrawal_id: str, number: int | None = None) -> bool:
        """Whether a withdrawal will never be paid, as of a block; the latest by default."""

    def payment(self, withdrawal_id: str) -> str | None:
        """The hash of the transaction that paid a withdrawal; None until it has its confirmations."""


class Treasury(Sender, Protocol):
    """The key that calls the vault to pay withdrawals and to collect deposits."""

    def payment(self, withdrawal: Withdrawal) -> ContractCall:
        """The call that pays a withdrawal. Raises CallRefused when the chain would not execute it."""

    def cancelling(self, cancellation: Cancellation) -> ContractCall:
        """The call that cancels the payment of a withdrawal. Raises CallRefused, as when it was paid or cancelled."""

    def collection(self, subject: str, keys: Sequence[bytes], currency: str) -> ContractCall:
        """The call that collects the balances of deposit addresses. Raises CallRefused."""


class Deposits(Cursor, Protocol):
    """Deposits as booked, and how far the chain was read for them."""

    def register_address(self, wallet_id: str, key: bytes, address: str) -> None:
        """Register a deposit address, which is watched from now on."""

    def is_deposit_address(self, address: str) -> bool:
        """Whether an address, in its EIP-55 form, is a registered deposit address."""

    def addresses_in_turn(self, currency: str, most: int) -> Sequence[DepositAddress]:
        """Registered addresses in round-robin order, starting after the last one that was served.

        Those whose collection failed and backs off are left out.
        """

    def end_turn(self, currency: str, wallet_id: str) -> None:
        """Move the round-robin position to a wallet's address."""

    def own_keys(self, keys: Collection[bytes]) -> set[bytes]:
        """Those of some keys whose deposit addresses are registered in this cell."""

    def lock_cursor(self) -> int:
        """The last block that was read, -1 for none; nobody reads on before the end of the transaction."""

    def doubtful(self, since: datetime, most: int) -> Sequence[Arrival]:
        """Unattributed deposits that not every other cell has disowned, or that were booked after a time."""

    def mark(self, arrivals: Collection[Arrival], *, disowned: bool) -> None:
        """Note whether every other cell has disowned unattributed deposits."""

    def drop_others(self, arrivals: Collection[Arrival]) -> None:
        """Delete unattributed deposits that another cell has taken on."""

    def find(self, arrival: Arrival) -> Deposit | None:
        """The deposit booked for an arrival's transaction and position, locked."""

    def owner(self, key: bytes) -> Owner | None:
        """The wallet that receives deposits for a key; None if the key belongs to no wallet."""

    def save(self, deposit: Deposit) -> None:
        """Store the state of a deposit, without an event."""

    def append_credited(self, deposit: Deposit) -> None:
        """Append the event of a deposit that was credited."""

    def booked(self, up_to: int) -> Mapping[str, int]:
        """Sums of the deposits up to a block that are not reversed, by currency; unattributed ones included."""

    def ledger_snapshot(self, at: datetime | None) -> LedgerSnapshot:
        """What the ledger owes, now or at a past time."""

    def booked_beyond(self, number: int, at: datetime | None) -> Mapping[str, int]:
        """The part of the snapshot deposited after a block, or reversed since, by currency. To be read after it."""

    def orphaned(self, most: int) -> Sequence[str]:
        """Ids of deposits whose blocks were orphaned and that were not found again as far as the chain was read."""

    def lock_orphaned(self, deposit_id: str) -> Deposit | None:
        """An orphaned deposit, locked; None when it no longer is."""

    def uncredited(self, most: int) -> Sequence[str]:
        """Ids of unattributed deposits for whose key there is a wallet by now."""

    def lock_uncredited(self, deposit_id: str) -> Deposit | None:
        """An unattributed deposit on the canonical chain, locked; None when it no longer is."""


class Withdrawals(Protocol):
    """Withdrawals to addresses on the chain."""

    def request(self, withdrawal: Withdrawal) -> None:
        """Store a new withdrawal and append its event."""

    def get(self, withdrawal_id: str, owner: str) -> Withdrawal:
        """A withdrawal of its owner. Raises NotFound for an absent or malformed id, or another's."""

    def lock(self, withdrawal_id: str) -> Withdrawal:
        """A withdrawal, locked."""

    def save(self, withdrawal: Withdrawal) -> None:
        """Store the new state of a withdrawal and append its event. Raises Contended when another change came first."""

    def all(self) -> Sequence[Withdrawal]:
        """All withdrawals on this chain."""

    def unsigned(self, most: int) -> Sequence[Withdrawal]:
        """Withdrawals without a signed transaction: each user's oldest before any user's next; none that backs off."""


class Cancellations(Protocol):
    """Withdrawals that are to fail."""

    def request(self, withdrawal_id: str, failure: str) -> None:
        """Note that a withdrawal is to fail, and why, unless that was noted before."""

    def failure(self, withdrawal_id: str) -> str | None:
        """Why a withdrawal is to fail; None if it is not."""

    def due(self, most: int) -> Sequence[Cancellation]:
        """Those to sign a transaction for: each user's oldest, if the user has none under way; none that backs off."""

    def count(self, cancellation: Cancellation) -> None:
        """Note that a transaction was signed for it. Raises Contended if another was meanwhile."""


class CustodyWork(WalletWork, Protocol):
    """The work of one operation on deposits and withdrawals, in one transaction."""

    deposits: Deposits
    withdrawals: Withdrawals
    cancellations: Cancellations
    nonces: NonceStore
    failures: FailureStore

    @property
    def vault(self) -> Vault:
        """The vault on its chain. Raises Unavailable when no chain is configured."""


class TermsWork(Protocol):
    """The work of describing currencies and withdrawal terms, outside of any transaction."""

    @property
    def vault(self) -> Vault:
        """The vault on its chain. Raises Unavailable when no chain is configured."""

    @property
    def has_chain(self) -> bool:
        """Whether a node of the chain is configured."""


class ChainWork(Protocol):
    """The work of jobs that call the chain: they open their own transactions, never during a call."""

    other_cells: OtherCells

    @property
    def books_unknown(self) -> bool:
        """Whether this is the cell that books deposits for addresses that no cell knows, and audits custody of all."""

    @property
    def vault(self) -> Vault:
        """The vault on its chain. Raises Unavailable when no chain is configured."""

    @property
    def treasury(self) -> Treasury:
        """The treasury key. Raises Unavailable when no chain is configured."""

    def former_treasury(self, sender: str) -> Sender:
        """The key of a region that has served this cell before, which can no longer sign. Raises as treasury does."""

    @property
    def has_chain(self) -> bool:
        """Whether a node of the chain is configured."""

    def now(self) -> datetime:
        """The present."""

    def new_id(self, prefix: str) -> str:
        """A new id of this cell."""

    def transaction(self) -> AbstractContextManager[CustodyWork]:
        """The work of a new transaction, committed at the end."""
