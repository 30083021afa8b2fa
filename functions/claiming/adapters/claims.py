"""Claims in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from functions.claiming.domain import events
from functions.claiming.domain.claim import Claim, Item, Status, VisibleStatus
from functions.claiming.domain.redemption import HonouredClaim, Redemption, SentTransaction
from functions.claiming.ports import ClaimOrder
from functions.claiming.views import ClaimView
from shared import ids
from shared.chain.core.values import BlockRef
from shared.chain.ethereum import keccak
from shared.chain.nonce_store import PostgresCursor
from shared.contracts.encode import to_json
from shared.errors import NotFound
from shared.outbox.log import Fact
from shared.postgres.database import Row
from shared.postgres.queries import queries
from shared.unit_of_work import UnitOfWork

SQL: Final = queries(Path(__file__).parent.parent / "sql" / "queries.sql")

STORED_FIELDS: Final = (
    *("id", "status", "version", "recipient", "voucher", "deadline", "claimed_at", "processed_at"),
    *("attempts", "failures", "due_at", "failure", "failure_code"),
)
"""The changing fields of a claim whose column has the same name."""


class PostgresClaims:
    """Claims, as one transaction sees them."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def open(self, orders: Sequence[ClaimOrder]) -> None:
        opened = self._insert(orders, "open")
        self._work.events.append_all(
            (claim_id, 1, events.ClaimOpened(claim_id, order.order_id, order.user_id))
            for claim_id, order in opened.items()
        )

    def write_tombstones(self, order_id: str, user_id: str, address: str) -> bool:
        # It grants nothing, and its event goes to no merchant.
        nothing = ClaimOrder(order_id, user_id, address, items=(), claimable=False, merchant_id="")
        inserted = self._insert([nothing], "voided")
        for claim_id in inserted:
            self._work.events.append(claim_id, 0, [events.ClaimVoided(claim_id, order_id, user_id)])
        return bool(inserted)

    def _insert(self, orders: Sequence[ClaimOrder], status: Status) -> dict[str, ClaimOrder]:
        """Insert the claims of orders that have none. Returns these orders, by their claims' ids."""
        claims = {ids.sibling(order.order_id, "clm"): order for order in orders}
        rows = [_inserted(claim_id, order, status) for claim_id, order in claims.items()]
        made = SQL.make_claims(self._work.current_transaction, claims=to_json(rows).decode(), at=self._work.now())
        self._work.changes(claims)
        return {row["id"]: claims[row["id"]] for row in made}

    def of_order(self, order_id: str) -> Claim | None:
        row = SQL.find_by_order(self._work.current_transaction, order_id=order_id)
        return _claim(row) if row else None

    def lock(self, order_id: str) -> Claim:
        return _found(SQL.lock_by_order(self._work.current_transaction, order_id=order_id))

    def lock_claim(self, claim_id: str) -> Claim:
        row = SQL.lock_claim(self._work.current_transaction, id=claim_id) if ids.valid(claim_id, "clm") else None
        return _found(row)

    def lock_honoured(self, key: bytes, chain_id: int) -> Claim | None:
        row = SQL.lock_by_key(self._work.current_transaction, key=key, chain_id=chain_id)
        return _claim(row) if row else None

    def save(self, before: Claim, after: Claim) -> None:
        redemption = after.redemption
        SQL.save_claim(
            self._work.current_transaction,
            **{name: getattr(after, name) for name in STORED_FIELDS},
            orphaned=after.orphaned,
            transaction_hash=redemption.transaction_hash if redemption else None,
            block_number=redemption.place.number if redemption else None,
            block_hash=redemption.place.hash if redemption else None,
        )
        self._work.changes([after.id])
        if after.version > before.version:
            self._work.events.append(after.id, before.version, [_fact(after)])

    def get(self, claim_id: str, owner: str) -> Claim:
        claim = _found(
            SQL.find_claim(self._work.current_transaction, id=claim_id) if ids.valid(claim_id, "clm") else None
        )
        if claim.user_id != owner or not claim.visible:
            raise NotFound("There is no such claim.")
        return claim

    def show(self, claim_id: str, owner: str) -> ClaimView:
        valid = ids.valid(claim_id, "clm")
        claim = (
            self._work.stored("claim", claim_id, ClaimView, lambda work: PostgresClaims(work).find(claim_id))
            if valid
            else None
        )
        if claim is None or claim.user_id != owner:
            raise NotFound("There is no such claim.")
        return claim

    def find(self, claim_id: str) -> ClaimView | None:
        """The view of a claim with a voucher, whoever owns it."""
        row = SQL.find_claim(self._work.current_transaction, id=claim_id)
        claim = _claim(row) if row else None
        return ClaimView.of(claim) if claim and claim.visible else None

    def browse(self, owner: str, status: VisibleStatus | None, after: str | None, most: int) -> Sequence[Claim]:
        rows = SQL.list_claims(self._work.current_transaction, user_id=owner, status=status, after=after, most=most)
        return [_claim(row) for row in rows]

    def due(self, chain_id: int, now: datetime, grace: timedelta, most: int) -> Sequence[Claim]:
        rows = SQL.list_due(
            self._work.current_transaction, chain_id=chain_id, now=now, claimed_before=now - grace, most=most
        )
        return [_claim(row) for row in rows]

    def sent(self, claim: Claim) -> Sequence[SentTransaction]:
        subjects = [f"{claim.id} {attempt}" for attempt in range(1, claim.attempts + 1)]
        rows = SQL.list_sent(self._work.current_transaction, chain_id=claim.chain_id, subjects=subjects)
        return [SentTransaction(row["sender"], row["nonce"], row["status"] != "pending") for row in rows]

    def orphaned(self, chain_id: int, now: datetime, most: int) -> Sequence[str]:
        return [
            row["id"]
            for row in SQL.list_orphaned(self._work.current_transaction, chain_id=chain_id, now=now, most=most)
        ]

    def record_honoured(self, honoured: Sequence[HonouredClaim]) -> None:
        for each in honoured:
            SQL.record_honoured(
                self._work.current_transaction,
                **_found_in(each),
                key=each.key,
                chain_id=each.redemption.chain_id,
                block_number=each.redemption.place.number,
                recipient=each.recipient,
            )

    def pending_honoured(self, chain_id: int, now: datetime, most: int) -> Sequence[HonouredClaim]:
        rows = SQL.list_honoured(self._work.current_transaction, chain_id=chain_id, now=now, most=most)
        return [HonouredClaim(bytes(row["key"]), _redemption(row), row["recipient"]) for row in rows]

    def consume_honoured(self, each: HonouredClaim) -> bool:
        return bool(SQL.consume_honoured(self._work.current_transaction, key=each.key, **_found_in(each)))


class PostgresClaimCursor(PostgresCursor):
    """How far the chain was read for honoured claims."""

    def rewind(self, since: BlockRef, standing: BlockRef) -> None:
        super().rewind(since, standing)
        # In this order: the first statement waits for transactions that apply an honoured claim, so that the second one
        # marks their claims, too.
        self._run(SQL.drop_honoured, above=standing.number)
        self._run(SQL.mark_orphaned, above=standing.number)


def _inserted(claim_id: str, order: ClaimOrder, status: Status) -> dict[str, Any]:
    """A new row in `claims`."""
    return {
        "id": claim_id,
        "key": keccak(claim_id.encode()).hex(),
        "order_id": order.order_id,
        "user_id": order.user_id,
        "merchant_id": order.merchant_id,
        "address": order.address,
        "items": [
            {**{name: getattr(item, name) for name in Item.__slots__}, "token_id": str(item.token_id)}
            for item in order.items
        ],
        "nonce": str(ids.number(claim_id)),
        "status": status,
    }


def _found(row: Row | None) -> Claim:
    if row is None:
        raise NotFound("There is no such claim.")
    return _claim(row)


def _fact(claim: Claim) -> Fact:
    """The event of a claim that has reached its present status."""
    of = {"claim_id": claim.id, "order_id": claim.order_id, "user_id": claim.user_id}
    if claim.status == "claimed":
        return events.ClaimClaimed(**of, recipient=claim.recipient or "")
    if claim.status == "failed":
        return events.ClaimFailed(**of, reason=claim.failure, merchant_id=claim.merchant_id, code=claim.failure_code)
    if claim.redemption and claim.status == "processed":
        chain = claim.redemption
        return events.ClaimProcessed(
            **of,
            chain_id=chain.chain_id,
            transaction_hash=chain.transaction_hash,
            merchant_id=claim.merchant_id,
        )
    return events.ClaimVoided(**of)


def _claim(row: Mapping[str, Any]) -> Claim:
    items = (Item(**{**item, "token_id": int(item["token_id"])}) for item in row["items"])
    names = (*STORED_FIELDS, "order_id", "user_id", "merchant_id", "address", "nonce", "opened_at")
    return Claim(
        **{name: row[name] for name in names},
        items=tuple(items),
        redemption=_redemption(row) if row["transaction_hash"] else None,
        orphaned=row["doubted"],
    )


def _redemption(row: Mapping[str, Any]) -> Redemption:
    return Redemption(row["chain_id"], row["transaction_hash"], BlockRef(row["block_number"], row["block_hash"]))


def _found_in(each: HonouredClaim) -> dict[str, str]:
    """The columns for the transaction and block in which a claim was honoured."""
    return {"transaction_hash": each.redemption.transaction_hash, "block_hash": each.redemption.place.hash}
