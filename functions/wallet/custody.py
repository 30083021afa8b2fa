"""What operations on the chain may ask for, beside what ports.py has."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from functions.wallet.domain.custody import Arrival, Deposit, DepositAddress, Owner, Terms, Withdrawal
from functions.wallet.domain.proof import Flows, Kept
from functions.wallet.ports import WalletWork
from shared.chains import Call, Header, Reading
from shared.contracts.sending import Sender, Sendings
from shared.contracts.watching import Blocks, Cursor
from shared.jobs.items import Failures


class Vault(Blocks, Protocol):
    """The contract that keeps what users have deposited, and its chain."""

    chain_id: int

    @property
    def currencies(self) -> Sequence[str]:
        """What it takes and pays."""

    def asset(self, currency: str) -> str | None:
        """The contract of a currency, in its EIP-55 form; None for the chain's own."""

    def terms(self, currency: str) -> Terms:
        """On what terms it pays a currency."""

    def least(self, currency: str) -> int:
        """How much must lie on a deposit address before it is fetched: less would cost more than it is."""

    def key(self, wallet_id: str) -> bytes:
        """A wallet as the contract knows it."""

    def recipient(self, text: str) -> str:
        """Who can be paid: an address in its EIP-55 form.

        Raises ValueError when it is none, is zero, its checksum is wrong, or it is the house's: what goes to the vault,
        the treasury or a token's contract is nobody's any more.
        """

    def deposit_address(self, wallet_id: str) -> str:
        """Where a wallet's funds go."""

    def arrivals(self, again: Sequence[Header], fresh: Sequence[Header]) -> Reading[Arrival]:
        """What has arrived in blocks, in the order of the chain: as far as it is proven (shared.adapters.proven)."""

    def number_at(self, at: datetime) -> int:
        """The number of the last block that was made by then; one before the first, where there is none."""

    def flows(self, last: int) -> Flows:
        """What came and went up to a block."""

    def holdings(self, number: int) -> Mapping[str, int]:
        """What it had after a block, by currency; nothing where the node has forgotten that."""

    def uncollected(self, keys: Sequence[bytes], currency: str) -> Sequence[int]:
        """What lies on the deposit addresses of wallets. Raises Unavailable, also where the token does not say."""

    def paid(self, withdrawal_id: str, number: int | None = None) -> bool:
        """Whether a withdrawal was paid, by whichever transaction, after a block, the latest by default."""

    def payment(self, withdrawal_id: str) -> str | None:
        """The hash of the transaction that paid a withdrawal; None until it has its confirmations."""


class Treasury(Sender, Protocol):
    """The key that has the vault pay and collect."""

    def payment(self, withdrawal: Withdrawal) -> Call:
        """The call that pays a withdrawal. Raises CallRefused when the chain would not carry it out."""

    def collection(self, subject: str, keys: Sequence[bytes], currency: str) -> Call:
        """The call that collects what lies on deposit addresses. Raises CallRefused."""


class Deposits(Cursor, Protocol):
    """What has arrived, as it was booked, and how far the chain was read for it."""

    def hand_out(self, wallet_id: str, key: bytes, address: str) -> None:
        """Watch a deposit address from now on."""

    def handed_out(self, address: str) -> bool:
        """Whether an address, in its EIP-55 form, is a deposit address that somebody was told of."""

    def in_turn(self, currency: str, most: int) -> Sequence[DepositAddress]:
        """Addresses that were handed out, those first that follow the one that had its turn last, then from the start.

        Those that were refused just now are left out.
        """

    def take_turn(self, currency: str, wallet_id: str) -> None:
        """All addresses up to a wallet's have had their turn."""

    def known(self, arrival: Arrival) -> Deposit | None:
        """The deposit that stands at an arrival's place in its transaction, locked."""

    def owner(self, key: bytes) -> Owner | None:
        """Who receives what comes for a key; None where it is that of no wallet."""

    def keep(self, deposit: Deposit) -> None:
        """Keep a deposit as it is now, which is no news to anybody."""

    def tell(self, deposit: Deposit) -> None:
        """Tell of a deposit that was credited."""

    def booked(self, up_to: int) -> Mapping[str, int]:
        """What came in up to a block and stands, by currency, that of unknown wallets included."""

    def kept(self, at: datetime | None) -> Kept:
        """What the ledger says that is kept, now or at a past time."""

    def booked_beyond(self, number: int, at: datetime | None) -> Mapping[str, int]:
        """Of that, what came by later blocks than one, or was taken back since, by currency. To be read after it."""

    def forgotten(self, most: int) -> Sequence[str]:
        """Deposits of blocks that are gone, which were not found again up to where the chain was read, by id."""

    def lock_forgotten(self, deposit_id: str) -> Deposit | None:
        """Such a deposit, locked; None when it is none any more."""

    def uncredited(self, most: int) -> Sequence[str]:
        """Unattributed deposits for whose key there is a wallet by now, by id."""

    def lock_uncredited(self, deposit_id: str) -> Deposit | None:
        """An unattributed deposit that stands, locked; None when it is none any more."""


class Withdrawals(Protocol):
    """Money on its way out."""

    def request(self, withdrawal: Withdrawal) -> None:
        """Keep a new one, and tell of it."""

    def get(self, withdrawal_id: str, owner: str) -> Withdrawal:
        """A withdrawal of its owner. Raises NotFound for an absent or malformed id, or another's."""

    def lock(self, withdrawal_id: str) -> Withdrawal:
        """A withdrawal, held against change by others."""

    def save(self, withdrawal: Withdrawal) -> None:
        """It got further; tell of it."""

    def every(self) -> Sequence[Withdrawal]:
        """All of them."""

    def waiting(self, most: int) -> Sequence[Withdrawal]:
        """Withdrawals for which nothing was signed: everybody's oldest before anybody's next; none that backs off."""


class CustodyWork(WalletWork, Protocol):
    """The work of an operation on the chain, in one transaction."""

    deposits: Deposits
    withdrawals: Withdrawals
    sendings: Sendings
    failures: Failures

    @property
    def vault(self) -> Vault:
        """The vault on its chain. Raises Unavailable where there is no chain."""


class TermsWork(Protocol):
    """The work of telling on what terms money comes and leaves, in no transaction."""

    @property
    def vault(self) -> Vault:
        """The vault on its chain. Raises Unavailable where there is no chain."""

    @property
    def has_chain(self) -> bool:
        """Whether there is a chain here at all."""


class ChainWork(Protocol):
    """The work of what speaks with the chain: transactions of its own, never open while it asks."""

    @property
    def vault(self) -> Vault:
        """The vault on its chain. Raises Unavailable where there is no chain."""

    @property
    def treasury(self) -> Treasury:
        """Who pays. Raises Unavailable where there is no chain."""

    @property
    def has_chain(self) -> bool:
        """Whether there is a chain here at all."""

    def now(self) -> datetime:
        """The present."""

    def new_id(self, prefix: str) -> str:
        """A fresh id, at home in this cell."""

    def transaction(self) -> AbstractContextManager[CustodyWork]:
        """Work of its own transaction, committed at the end."""
