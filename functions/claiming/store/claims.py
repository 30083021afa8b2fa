"""Claims in PostgreSQL: rows to domain and back."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from functions.claiming.domain import events
from functions.claiming.domain.claim import Claim, Item, Shown, Status
from functions.claiming.domain.redeeming import Honoured, Redemption, Sent
from functions.claiming.ports import Bought
from functions.claiming.views import ClaimView
from shared import ids
from shared.adapters.chains import CursorStore
from shared.adapters.ethereum import keccak
from shared.adapters.postgres import Row
from shared.adapters.queries import queries
from shared.chains import Place
from shared.contracts.encode import to_json
from shared.errors import NotFound
from shared.outbox.log import Fact

if TYPE_CHECKING:
    from functions.claiming.store import Work

SQL: Final = queries(Path(__file__).parent.parent / "sql" / "queries.sql")

KEPT: Final = (
    *("id", "status", "version", "recipient", "voucher", "deadline", "claimed_at", "processed_at"),
    *("attempts", "failures", "due_at", "failure", "failure_code", "doubted"),
)
"""What changes of a claim, by the names that both sides share."""


class ClaimStore:
    """Claims, as one transaction sees them."""

    def __init__(self, work: "Work") -> None:
        self._work = work

    def open(self, bought: Bought) -> None:
        claim_id = ids.sibling(bought.order_id, "clm")
        if self._made(claim_id, bought, "open"):
            self._work.events.append(claim_id, 0, [events.ClaimOpened(claim_id, bought.order_id, bought.user_id)])

    def bury(self, order_id: str, user_id: str, address: str) -> bool:
        claim_id = ids.sibling(order_id, "clm")
        # It hands out nothing, and no merchant is told of it.
        nothing = Bought(order_id, user_id, address, items=(), claimable=False, merchant_id="")
        buried = self._made(claim_id, nothing, "voided")
        if buried:
            self._work.events.append(claim_id, 0, [events.ClaimVoided(claim_id, order_id, user_id)])
        return buried

    def _made(self, claim_id: str, bought: Bought, status: Status) -> bool:
        items = [
            {**{name: getattr(item, name) for name in Item.__slots__}, "token_id": str(item.token_id)}
            for item in bought.items
        ]
        made = SQL.make_claim(
            self._work.opened,
            id=claim_id,
            key=keccak(claim_id.encode()),
            order_id=bought.order_id,
            user_id=bought.user_id,
            merchant_id=bought.merchant_id,
            address=bought.address,
            items=to_json(items).decode(),
            nonce=ids.number(claim_id),
            status=status,
            at=self._work.now(),
        )
        self._work.changes([claim_id])
        return bool(made)

    def of_order(self, order_id: str) -> Claim | None:
        row = SQL.find_by_order(self._work.opened, order_id=order_id)
        return _claim(row) if row else None

    def lock(self, order_id: str) -> Claim:
        return _found(SQL.lock_by_order(self._work.opened, order_id=order_id))

    def lock_claim(self, claim_id: str) -> Claim:
        row = SQL.lock_claim(self._work.opened, id=claim_id) if ids.valid(claim_id, "clm") else None
        return _found(row)

    def lock_honoured(self, key: bytes, chain_id: int) -> Claim | None:
        row = SQL.lock_by_key(self._work.opened, key=key, chain_id=chain_id)
        return _claim(row) if row else None

    def save(self, before: Claim, after: Claim) -> None:
        redemption = after.redemption
        SQL.save_claim(
            self._work.opened,
            **{name: getattr(after, name) for name in KEPT},
            transaction_hash=redemption.transaction_hash if redemption else None,
            block_number=redemption.place.number if redemption else None,
            block_hash=redemption.place.hash if redemption else None,
        )
        self._work.changes([after.id])
        if after.version > before.version:
            self._work.events.append(after.id, before.version, [_fact(after)])

    def get(self, claim_id: str, owner: str) -> Claim:
        claim = _found(SQL.find_claim(self._work.opened, id=claim_id) if ids.valid(claim_id, "clm") else None)
        if claim.user_id != owner or not claim.shown:
            raise NotFound("There is no such claim.")
        return claim

    def show(self, claim_id: str, owner: str) -> ClaimView:
        valid = ids.valid(claim_id, "clm")
        claim = (
            self._work.stored("claim", claim_id, ClaimView, lambda work: work.claims.find(claim_id)) if valid else None
        )
        if claim is None or claim.user_id != owner:
            raise NotFound("There is no such claim.")
        return claim

    def find(self, claim_id: str) -> ClaimView | None:
        """A claim that the API knows of, for whoever may see it."""
        row = SQL.find_claim(self._work.opened, id=claim_id)
        claim = _claim(row) if row else None
        return ClaimView.of(claim) if claim and claim.shown else None

    def browse(self, owner: str, status: Shown | None, after: str | None, most: int) -> Sequence[Claim]:
        rows = SQL.list_claims(self._work.opened, user_id=owner, status=status, after=after, most=most)
        return [_claim(row) for row in rows]

    def due(self, chain_id: int, now: datetime, grace: timedelta, most: int) -> Sequence[Claim]:
        rows = SQL.list_due(self._work.opened, chain_id=chain_id, now=now, claimed_before=now - grace, most=most)
        return [_claim(row) for row in rows]

    def sent(self, claim: Claim) -> Sequence[Sent]:
        subjects = [f"{claim.id} {attempt}" for attempt in range(1, claim.attempts + 1)]
        rows = SQL.list_sent(self._work.opened, chain_id=claim.chain_id, subjects=subjects)
        return [Sent(row["sender"], row["nonce"], row["status"] != "pending") for row in rows]

    def doubted(self, chain_id: int, now: datetime, most: int) -> Sequence[str]:
        return [row["id"] for row in SQL.list_doubted(self._work.opened, chain_id=chain_id, now=now, most=most)]

    def note(self, honoured: Sequence[Honoured]) -> None:
        for each in honoured:
            SQL.note_honoured(
                self._work.opened,
                **_found_in(each),
                key=each.key,
                chain_id=each.redemption.chain_id,
                block_number=each.redemption.place.number,
                recipient=each.recipient,
            )

    def noted(self, chain_id: int, now: datetime, most: int) -> Sequence[Honoured]:
        rows = SQL.list_honoured(self._work.opened, chain_id=chain_id, now=now, most=most)
        return [Honoured(bytes(row["key"]), _redemption(row), row["recipient"]) for row in rows]

    def take_note(self, each: Honoured) -> bool:
        return bool(SQL.take_honoured(self._work.opened, key=each.key, **_found_in(each)))


class ClaimCursor(CursorStore):
    """How far the chain was read for claims that the contract has honoured."""

    def rewind(self, since: Place, standing: Place) -> None:
        super().rewind(since, standing)
        # In this order: whoever is applying a note is waited for, so that their claim is doubted too.
        self._run(SQL.forget_honoured, above=standing.number)
        self._run(SQL.doubt_claims, above=standing.number)


def _found(row: Row | None) -> Claim:
    if row is None:
        raise NotFound("There is no such claim.")
    return _claim(row)


def _fact(claim: Claim) -> Fact:
    """What is told of a claim that has become what it is."""
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
    names = (*KEPT, "order_id", "user_id", "merchant_id", "address", "nonce", "opened_at")
    return Claim(
        **{name: row[name] for name in names},
        items=tuple(items),
        redemption=_redemption(row) if row["transaction_hash"] else None,
    )


def _redemption(row: Mapping[str, Any]) -> Redemption:
    return Redemption(row["chain_id"], row["transaction_hash"], Place(row["block_number"], row["block_hash"]))


def _found_in(each: Honoured) -> dict[str, str]:
    """The transaction and the block in which a claim was honoured."""
    return {"transaction_hash": each.redemption.transaction_hash, "block_hash": each.redemption.place.hash}
