"""Stores a key's nonces and a chain's read cursor in the database of the service that uses the chain."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from shared.chain.core.values import BlockRef, ContractCall, Fees, NonceAssignment, SignedTransaction
from shared.errors import Contended
from shared.postgres.database import Row, Transaction
from shared.postgres.queries import queries

SQL: Final = queries(Path(__file__).parent / "sql" / "chains.sql")

KEPT_BLOCKS: Final = 50_000
"""For how many blocks checkpoints are kept; after a deeper reorganisation the chain is read again from the start."""


class PostgresNonceStore:
    """A key's nonces on one chain, and the transactions signed with them."""

    def __init__(self, transaction: Transaction, chain_id: int, sender: str) -> None:
        """sender: the key's address."""
        self._transaction = transaction
        self._key: dict[str, Any] = {"chain_id": chain_id, "sender": sender}

    def next_nonce(self) -> int:
        return int(SQL.next_nonce(self._transaction, **self._key) or 0)

    def store(self, call: ContractCall, signed: SignedTransaction) -> None:
        assigned = SQL.assign_nonce(
            self._transaction,
            **self._key,
            nonce=signed.nonce,
            purpose=call.purpose,
            subject=call.subject,
            to=call.to,
            data=call.data,
            gas=call.gas,
        )
        if not assigned:
            raise Contended
        self.add(signed)

    def add(self, signed: SignedTransaction) -> None:
        stored = SQL.insert_signed(
            self._transaction,
            **self._key,
            hash=signed.hash,
            nonce=signed.nonce,
            raw=signed.raw,
            max_fee=signed.fees.maximum,
            max_tip=signed.fees.tip,
            cancels=signed.cancels,
            status="failed" if signed.cancels else "pending",
            at=signed.signed_at,
        )
        if not stored:
            raise Contended

    def has_nonce(self, subject: str) -> bool:
        return bool(SQL.has_nonce(self._transaction, subject=subject))

    def mark_broadcast(self, signed: SignedTransaction) -> None:
        SQL.mark_broadcast(self._transaction, hash=signed.hash)

    def pending(self, job: str, now: datetime, most: int) -> Sequence[NonceAssignment]:
        return self._list(pending=True, forgotten=None, job=job, now=now, most=most)

    def reorged(self, since: int, job: str, now: datetime, most: int) -> Sequence[NonceAssignment]:
        return self._list(pending=False, forgotten=since, job=job, now=now, most=most)

    def end(self, assignment: NonceAssignment, *, succeeded: bool) -> bool:
        status = "mined" if succeeded else "failed"
        return bool(SQL.end_call(self._transaction, **self._key, nonce=assignment.nonce, status=status))

    def busy(self, purpose: str) -> bool:
        return bool(SQL.busy(self._transaction, **self._key, purpose=purpose))

    def others(self) -> Sequence[str]:
        return [str(row["sender"]) for row in SQL.list_other_senders(self._transaction, **self._key)]

    def of(self, sender: str) -> "PostgresNonceStore":
        return PostgresNonceStore(self._transaction, self._key["chain_id"], sender)

    def _list(self, **filters: Any) -> list[NonceAssignment]:
        rows = SQL.list_assignments(self._transaction, **self._key, **filters)
        return [_assignment(list(group)) for _, group in groupby(rows, key=lambda row: row["nonce"])]


class PostgresCursor:
    """The read cursor of one chain."""

    def __init__(self, transaction: Transaction, chain_id: int) -> None:
        self._transaction = transaction
        self._chain_id = chain_id

    def reached(self) -> BlockRef | None:
        row = self._run(SQL.find_cursor)
        return BlockRef(**row) if row else None

    def checkpoints(self) -> Sequence[BlockRef]:
        return [BlockRef(**row) for row in self._run(SQL.list_checkpoints)]

    def advance(self, since: BlockRef, reached: BlockRef) -> None:
        self._move(since, reached)
        self._run(SQL.mark_checkpoint, number=reached.number, hash=reached.hash)
        self._run(SQL.drop_checkpoints, above=reached.number, below=reached.number - KEPT_BLOCKS)

    def rewind(self, since: BlockRef, standing: BlockRef) -> None:
        self._move(since, standing)
        self._run(SQL.drop_checkpoints, above=standing.number, below=0)

    def _move(self, since: BlockRef, to: BlockRef) -> None:
        self._run(SQL.begin_cursor, number=since.number, hash=since.hash)
        moved = self._run(
            SQL.move_cursor, number=to.number, hash=to.hash, from_number=since.number, from_hash=since.hash
        )
        if not moved:
            raise Contended

    def _run(self, query: Any, **parameters: Any) -> Any:
        return query(self._transaction, chain_id=self._chain_id, **parameters)


def _assignment(rows: list[Row]) -> NonceAssignment:
    first = rows[0]
    call = ContractCall(first["purpose"], first["subject"], first["to_"], bytes(first["data"]), first["gas"])
    signed = tuple(
        SignedTransaction(
            hash=row["hash"],
            nonce=row["nonce"],
            raw=bytes(row["raw"]),
            fees=Fees(int(row["max_fee"]), int(row["max_tip"])),
            signed_at=row["signed_at"],
            broadcast=row["broadcast"],
            cancels=row["cancels"],
        )
        for row in rows
    )
    return NonceAssignment(first["nonce"], call, signed, failed=first["status"] == "failed")
