"""The wallets of users, in PostgreSQL."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from functions.wallet.domain import events
from functions.wallet.domain.wallet import Wallet
from shared import ids
from shared.adapters.postgres import queries
from shared.errors import Contended, NotFound
from shared.outbox.work import UnitOfWork

SQL: Final = queries(Path(__file__).parent.parent / "sql" / "queries.sql")


class WalletStore:
    """The wallets of users."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def open_default(self, wallet: Wallet) -> Wallet:
        opened = SQL.open_wallet(
            self._work.opened,
            id=wallet.id,
            user_id=wallet.user_id,
            name=wallet.name,
            address=wallet.address,
            chain_id=wallet.chain_id,
            at=wallet.created_at,
        )
        if opened is None:
            return Wallet(**SQL.find_default(self._work.opened, user_id=wallet.user_id))
        fact = events.WalletOpened(
            wallet_id=wallet.id, user_id=wallet.user_id, address=wallet.address, chain_id=wallet.chain_id
        )
        self._work.events.append(wallet.id, 0, [fact])
        return wallet

    def add(self, wallet: Wallet, *, linked: bool) -> None:
        SQL.add_wallet(
            self._work.opened,
            id=wallet.id,
            user_id=wallet.user_id,
            name=wallet.name,
            address=wallet.address,
            chain_id=wallet.chain_id,
            at=wallet.created_at,
        )
        kind = events.WalletLinked if linked else events.WalletOpened
        fact = kind(wallet_id=wallet.id, user_id=wallet.user_id, address=wallet.address, chain_id=wallet.chain_id)
        self._work.events.append(wallet.id, 0, [fact])

    def save(self, wallet: Wallet) -> None:
        saved = SQL.save_wallet(
            self._work.opened,
            id=wallet.id,
            name=wallet.name,
            status=wallet.status,
            version=wallet.version,
            at=wallet.updated_at,
        )
        if not saved:
            raise Contended
        if not wallet.open:
            last = SQL.stream_version(self._work.opened, wallet_id=wallet.id)
            self._work.events.append(wallet.id, last, [events.WalletClosed(wallet.id, wallet.user_id)])

    def get(self, wallet_id: str, owner: str) -> Wallet:
        found = self.find([wallet_id]) if ids.valid(wallet_id, "wal") else []
        if not found or found[0].user_id != owner:
            raise NotFound("There is no such wallet.")
        return found[0]

    def find(self, wallet_ids: Sequence[str], default_of: Sequence[str] = ()) -> list[Wallet]:
        rows = SQL.find_wallets(self._work.opened, ids=list(wallet_ids), default_of=list(default_of))
        return [Wallet(**row) for row in rows]

    def browse(self, owner: str, after: str | None, most: int) -> list[Wallet]:
        rows = SQL.list_wallets(self._work.opened, user_id=owner, after=after, most=most)
        return [Wallet(**row) for row in rows]
