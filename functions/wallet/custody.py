"""What operations on the chain may ask for, beside what ports.py has."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol

from functions.wallet.domain.custody import Arrival, Call, Deposit, Fees, Outcome, Place, Sending, Signed, Withdrawal
from functions.wallet.ports import WalletWork


class Vault(Protocol):
    """The contract that keeps what users have deposited. Every question of it raises Unavailable without an answer."""

    chain_id: int
    confirmations: int
    """How many blocks must follow one before what it holds counts."""

    @property
    def currencies(self) -> Sequence[str]:
        """What it takes and pays."""

    def key(self, wallet_id: str) -> bytes:
        """A wallet as the contract knows it."""

    def recipient(self, text: str) -> str:
        """An address in its EIP-55 form. Raises ValueError when it is none, is zero, or its checksum is wrong."""

    def deposit_address(self, wallet_id: str) -> str:
        """Where a wallet's funds go."""

    def before_start(self) -> Place:
        """The place before the first block that is read."""

    def head(self) -> int:
        """The number of the chain's latest block."""

    def place(self, number: int) -> Place | None:
        """A block; None when there is none of that number."""

    def arrivals(self, first: int, last: int) -> Sequence[Arrival]:
        """What has arrived in a range of blocks, in the order of the chain."""

    def uncollected(self, keys: Sequence[bytes], currency: str) -> Sequence[int]:
        """What lies on the deposit addresses of wallets."""

    def paid(self, withdrawal_id: str) -> bool:
        """Whether a withdrawal was paid, by whichever transaction."""


class Treasury(Protocol):
    """The key that has the vault pay and collect. Every question of it raises Unavailable without an answer."""

    replace_after: timedelta
    """How long a transaction may wait before another with higher fees takes its place."""

    def payment(self, withdrawal: Withdrawal) -> Call:
        """The call that pays a withdrawal. Raises PaymentRefused when the chain would not carry it out."""

    def collection(self, subject: str, keys: Sequence[bytes], currency: str) -> Call:
        """The call that collects what lies on deposit addresses. Raises PaymentRefused."""

    def next_nonce(self) -> int:
        """How many of its transactions are mined."""

    def fees(self) -> Fees:
        """What is usual now."""

    def sign(self, call: Call, nonce: int, fees: Fees, at: datetime) -> Signed:
        """Sign a call: nothing has happened yet."""

    def broadcast(self, signed: Signed) -> bool:
        """Hand it to the network, for the first time or again; false when the network does not take it now."""

    def knows(self, signed: Signed) -> bool:
        """Whether the network has it, mined or waiting."""

    def outcome(self, signed: Signed) -> Outcome | None:
        """What became of it; None while it is not mined."""


class Deposits(Protocol):
    """What has arrived, as it was booked."""

    def hand_out(self, wallet_id: str, key: bytes, address: str) -> None:
        """Watch a deposit address from now on."""

    def watched(self, after: str, most: int) -> Mapping[str, bytes]:
        """Wallets beyond one whose deposit address was handed out, by id, with their keys."""

    def reached(self) -> Place | None:
        """How far the chain was read; None before the first time."""

    def checkpoints(self) -> Sequence[Place]:
        """Blocks that were reached before, the latest first."""

    def advance(self, since: Place, reached: Place) -> None:
        """The chain was read further. Raises Contended when another reader was first."""

    def rewind(self, since: Place, standing: Place) -> None:
        """Blocks above one are no longer part of the chain: read on from there. Raises Contended."""

    def known(self, arrival: Arrival) -> Deposit | None:
        """The deposit that stands at an arrival's place in its transaction, locked."""

    def owner(self, key: bytes) -> tuple[str, str] | None:
        """The wallet and the user that a key stands for."""

    def book(self, deposit: Deposit) -> None:
        """Keep a deposit, and tell of it when it is credited anew."""

    def confirm(self, deposit: Deposit) -> None:
        """Keep where a deposit stands now, which is no news to anybody."""

    def doubted(self, up_to: int) -> Sequence[Deposit]:
        """Deposits up to a block that is read again, and that were not found again, locked."""


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

    def waiting(self, most: int) -> Sequence[Withdrawal]:
        """Withdrawals for which nothing was signed, the oldest first."""


class Sendings(Protocol):
    """The treasury's nonces and what was signed with them."""

    def next_nonce(self) -> int:
        """The lowest nonce above all that were given out."""

    def store(self, call: Call, signed: Signed) -> None:
        """Give the nonce to the call, and keep what was signed. Raises Contended when nonce or call are taken."""

    def add(self, signed: Signed) -> None:
        """Keep a further transaction with the same nonce."""

    def mark_broadcast(self, signed: Signed) -> None:
        """The network has it."""

    def pending(self, most: int) -> Sequence[Sending]:
        """Nonces whose call is not done, the lowest first."""

    def forgotten(self, since: int, most: int) -> Sequence[Sending]:
        """Nonces from one on whose call was done, and must be done again: the chain has gone back behind it."""

    def end(self, sending: Sending, *, succeeded: bool) -> None:
        """The call is done."""

    def busy(self, purpose: str) -> bool:
        """Whether a call of a kind is on its way."""


class CustodyWork(WalletWork, Protocol):
    """The work of an operation on the chain, in one transaction."""

    deposits: Deposits
    withdrawals: Withdrawals
    sendings: Sendings

    @property
    def vault(self) -> Vault:
        """The vault on its chain. Raises Unavailable where there is no chain."""


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
