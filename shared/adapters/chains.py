"""A key's nonces, and how far a chain was read, in the database of whichever service speaks with the chain."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from shared.adapters.postgres import Row, Transaction
from shared.adapters.queries import queries
from shared.chains import Call, Fees, Place, Sending, Signed
from shared.errors import Contended

SQL: Final = queries(Path(__file__).parent / "sql" / "chains.sql")

KEPT_BLOCKS: Final = 50_000
"""How far back a reorganisation is traced block by block; beyond, the chain is read again from its start."""


class SendingStore:
    """A key's nonces on one chain, and what was signed with them."""

    def __init__(self, transaction: Transaction, chain_id: int, sender: str) -> None:
        """sender: the key's address."""
        self._transaction = transaction
        self._key = {"chain_id": chain_id, "sender": sender}

    def next_nonce(self) -> int:
        return int(SQL.next_nonce(self._transaction, **self._key) or 0)

    def store(self, call: Call, signed: Signed) -> None:
        given = SQL.give_nonce(
            self._transaction,
            **self._key,
            nonce=signed.nonce,
            purpose=call.purpose,
            subject=call.subject,
            to=call.to,
            data=call.data,
            gas=call.gas,
        )
        if not given:
            raise Contended
        self.add(signed)

    def add(self, signed: Signed) -> None:
        kept = SQL.keep_signed(
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
        if not kept:
            raise Contended

    def given(self, subject: str) -> bool:
        return bool(SQL.given(self._transaction, subject=subject))

    def mark_broadcast(self, signed: Signed) -> None:
        SQL.mark_broadcast(self._transaction, hash=signed.hash)

    def pending(self, job: str, now: datetime, most: int) -> Sequence[Sending]:
        return self._list(pending=True, forgotten=None, job=job, now=now, most=most)

    def forgotten(self, since: int, job: str, now: datetime, most: int) -> Sequence[Sending]:
        return self._list(pending=False, forgotten=since, job=job, now=now, most=most)

    def end(self, sending: Sending, *, succeeded: bool) -> bool:
        status = "mined" if succeeded else "failed"
        return bool(SQL.end_sending(self._transaction, **self._key, nonce=sending.nonce, status=status))

    def busy(self, purpose: str) -> bool:
        return bool(SQL.busy(self._transaction, **self._key, purpose=purpose))

    def _list(self, **wanted: Any) -> list[Sending]:
        rows = SQL.list_sendings(self._transaction, **self._key, **wanted)
        return [_sending(list(group)) for _, group in groupby(rows, key=lambda row: row["nonce"])]


class CursorStore:
    """How far one chain was read."""

    def __init__(self, transaction: Transaction, chain_id: int) -> None:
        self._transaction = transaction
        self._chain_id = chain_id

    def reached(self) -> Place | None:
        row = self._run(SQL.find_cursor)
        return Place(**row) if row else None

    def checkpoints(self) -> Sequence[Place]:
        return [Place(**row) for row in self._run(SQL.list_checkpoints)]

    def advance(self, since: Place, reached: Place) -> None:
        self._move(since, reached)
        self._run(SQL.mark_checkpoint, number=reached.number, hash=reached.hash)
        self._run(SQL.drop_checkpoints, above=reached.number, below=reached.number - KEPT_BLOCKS)

    def rewind(self, since: Place, standing: Place) -> None:
        self._move(since, standing)
        self._run(SQL.drop_checkpoints, above=standing.number, below=0)

    def _move(self, since: Place, to: Place) -> None:
        self._run(SQL.begin_cursor, number=since.number, hash=since.hash)
        moved = self._run(
            SQL.move_cursor, number=to.number, hash=to.hash, from_number=since.number, from_hash=since.hash
        )
        if not moved:
            raise Contended

    def _run(self, query: Any, **parameters: Any) -> Any:
        return query(self._transaction, chain_id=self._chain_id, **parameters)


def _sending(rows: list[Row]) -> Sending:
    first = rows[0]
    call = Call(first["purpose"], first["subject"], first["to_"], bytes(first["data"]), first["gas"])
    signed = tuple(
        Signed(
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
    return Sending(first["nonce"], call, signed, failed=first["status"] == "failed")
