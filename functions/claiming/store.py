"""Claims in PostgreSQL: the implementation of the ports, rows to domain and back."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from functions.claiming.clients import OrderClient
from functions.claiming.domain import events
from functions.claiming.domain.claim import Claim, Item, Shown
from functions.claiming.ports import Bought
from functions.claiming.voucher import VoucherSigner
from shared import ids
from shared.adapters.postgres import Row, queries
from shared.contracts.encode import to_json
from shared.errors import NotFound
from shared.outbox.work import UnitOfWork

SQL: Final = queries(Path(__file__).parent / "sql" / "queries.sql")


class Work(UnitOfWork):
    """The work of one operation on claims."""

    @cached_property
    def claims(self) -> "ClaimStore":
        """Claims, as this transaction sees them."""
        return ClaimStore(self)

    @cached_property
    def orders(self) -> OrderClient:
        """The order service."""
        return OrderClient(self.resources.channel("order", "claiming"))

    @cached_property
    def vouchers(self) -> VoucherSigner:
        """Signed vouchers."""
        return VoucherSigner(self.settings.claim_contract, self.resources.signer("voucher"))

    @property
    def voucher_ttl_seconds(self) -> int:
        """How long a voucher is good."""
        return self.settings.voucher_ttl_seconds


class ClaimStore:
    """Claims, as one transaction sees them."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def open(self, bought: Bought) -> None:
        claim_id = ids.sibling(bought.order_id, "clm")
        items = [
            {"chain_id": i.chain_id, "contract": i.contract, "token_id": str(i.token_id), "quantity": i.quantity}
            for i in bought.items
        ]
        opened = SQL.open_claim(
            self._work.opened,
            id=claim_id,
            order_id=bought.order_id,
            user_id=bought.user_id,
            address=bought.address,
            items=to_json(items).decode(),
            nonce=ids.number(claim_id),
            at=self._work.now(),
        )
        if opened:
            fact = events.ClaimOpened(claim_id=claim_id, order_id=bought.order_id, user_id=bought.user_id)
            self._work.events.append(claim_id, 0, [fact])

    def bury(self, order_id: str, user_id: str, address: str) -> bool:
        claim_id = ids.sibling(order_id, "clm")
        buried = SQL.bury_claim(
            self._work.opened,
            id=claim_id,
            order_id=order_id,
            user_id=user_id,
            address=address,
            nonce=ids.number(claim_id),
            at=self._work.now(),
        )
        if buried:
            self._work.events.append(claim_id, 0, [events.ClaimVoided(claim_id, order_id, user_id)])
        return bool(buried)

    def void(self, claim: Claim) -> None:
        SQL.void_claim(self._work.opened, id=claim.id)
        fact = events.ClaimVoided(claim.id, claim.order_id, claim.user_id)
        self._work.events.append(claim.id, claim.version, [fact])

    def of_order(self, order_id: str) -> Claim | None:
        row = SQL.find_by_order(self._work.opened, order_id=order_id)
        return _claim(row) if row else None

    def lock(self, order_id: str) -> Claim:
        row = SQL.lock_by_order(self._work.opened, order_id=order_id)
        if row is None:
            raise NotFound("There is no such claim.")
        return _claim(row)

    def hand_out(self, before: Claim, after: Claim) -> None:
        names = ("id", "status", "version", "recipient", "voucher", "deadline", "claimed_at")
        SQL.hand_out(self._work.opened, **{name: getattr(after, name) for name in names})
        if before.status == "open":
            fact = events.ClaimClaimed(
                claim_id=after.id, order_id=after.order_id, user_id=after.user_id, recipient=after.recipient or ""
            )
            self._work.events.append(after.id, before.version, [fact])

    def get(self, claim_id: str, owner: str) -> Claim:
        row = SQL.find_claim(self._work.opened, id=claim_id) if ids.valid(claim_id, "clm") else None
        if row is None or row["user_id"] != owner or not _claim(row).shown:
            raise NotFound("There is no such claim.")
        return _claim(row)

    def browse(self, owner: str, status: Shown | None, after: str | None, most: int) -> Sequence[Claim]:
        rows = SQL.list_claims(self._work.opened, user_id=owner, status=status, after=after, most=most)
        return [_claim(row) for row in rows]


def _claim(row: Row) -> Claim:
    items = tuple(Item(i["chain_id"], i["contract"], int(i["token_id"]), i["quantity"]) for i in row["items"])
    return Claim(**{**row, "items": items})
