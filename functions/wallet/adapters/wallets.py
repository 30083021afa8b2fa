"""The wallets of users in PostgreSQL."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from functions.wallet.domain import events
from functions.wallet.domain.errors import WalletNotEmpty
from functions.wallet.domain.wallet import Wallet
from shared import ids
from shared.errors import Contended, NotFound
from shared.postgres.errors import Refused
from shared.postgres.queries import queries
from shared.unit_of_work import UnitOfWork

SQL: Final = queries(Path(__file__).parent.parent / "sql" / "queries.sql")
LEDGER: Final = queries(Path(__file__).parent.parent / "sql" / "ledger.sql")


class PostgresWallets:
    """The wallets of users."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def open_default(self, wallet: Wallet) -> Wallet:
        opened = SQL.open_wallet(self._work.current_transaction, **_columns(wallet))
        if opened is None:
            return Wallet(**SQL.find_default(self._work.current_transaction, user_id=wallet.user_id))
        self._work.events.append(wallet.id, 0, [events.WalletOpened(**_fact(wallet))])
        return wallet

    def add(self, wallet: Wallet, *, linked: bool) -> None:
        SQL.add_wallet(self._work.current_transaction, **_columns(wallet))
        kind = events.WalletLinked if linked else events.WalletOpened
        self._work.events.append(wallet.id, 0, [kind(**_fact(wallet))])

    def save(self, wallet: Wallet) -> None:
        try:
            saved = SQL.save_wallet(
                self._work.current_transaction,
                id=wallet.id,
                name=wallet.name,
                status=wallet.status,
                version=wallet.version,
                at=wallet.updated_at,
            )
        except Refused as refusal:
            raise WalletNotEmpty from refusal
        if not saved:
            raise Contended
        if not wallet.open:
            last = SQL.stream_version(self._work.current_transaction, wallet_id=wallet.id)
            self._work.events.append(wallet.id, last, [events.WalletClosed(wallet.id, wallet.user_id)])

    def get(self, wallet_id: str, owner: str) -> Wallet:
        found = self.find([wallet_id]) if ids.valid(wallet_id, "wal") else []
        if not found or found[0].user_id != owner:
            raise NotFound("There is no such wallet.")
        return found[0]

    def find(self, wallet_ids: Sequence[str], default_of: Sequence[str] = ()) -> list[Wallet]:
        rows = SQL.find_wallets(self._work.current_transaction, ids=list(wallet_ids), default_of=list(default_of))
        return [Wallet(**row) for row in rows]

    def recipients(self, wallet_ids: Sequence[str]) -> Mapping[str, Wallet]:
        rows = SQL.find_recipients(self._work.current_transaction, ids=list(wallet_ids))
        return {row.pop("meant_for"): Wallet(**row) for row in rows}

    def lock(self, wallet_id: str) -> None:
        LEDGER.lock_accounts(
            self._work.current_transaction, wallet_ids=[wallet_id]
        )  # first, in the lock order of transfers
        SQL.lock_wallet(self._work.current_transaction, id=wallet_id)

    def browse(self, owner: str | None, after: str | None, most: int, wallet_id: str | None = None) -> list[Wallet]:
        transaction = self._work.current_transaction
        if owner is not None and wallet_id is None:
            rows = SQL.list_wallets(transaction, user_id=owner, after=after, most=most)
        else:
            rows = SQL.browse_wallets(transaction, user_id=owner, id=wallet_id, after=after, most=most)
        return [Wallet(**row) for row in rows]


def _columns(wallet: Wallet) -> dict[str, Any]:
    """The columns of a new wallet."""
    names = ("id", "user_id", "name", "address", "chain_id")
    return {**{name: getattr(wallet, name) for name in names}, "at": wallet.created_at}


def _fact(wallet: Wallet) -> dict[str, Any]:
    """The fields of a new wallet's events."""
    return {"wallet_id": wallet.id, **{name: getattr(wallet, name) for name in ("user_id", "address", "chain_id")}}
