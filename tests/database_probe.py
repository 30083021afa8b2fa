"""The state of a sale, read from the databases of all services: what tests compare responses with."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any, Final

from emulators.waiting import WITHIN_SECONDS, until
from shared import ids
from shared.contracts.events import StoredEvent, chained
from shared.registry import load
from shared.resources import Resources

PAID: Final = {
    "paid": ({"captured", "settled"}, {"open"}),
    "claimed": ({"settled"}, {"claimed", "processing", "processed", "failed"}),
    "completed": ({"settled"}, {"processed"}),
    "refunded": ({"refunded"}, {"voided"}),
}
"""The states of escrow and claim that agree with the status of a paid order. A matured order's escrow is settled
already; the order learns of redemption by an event.
"""


@dataclass(frozen=True)
class Account:
    """The state of one order in every service; empty where a service has none."""

    status: str
    reservations: tuple[str, ...]
    hold: str
    escrow: str
    claim: str

    @property
    def returned(self) -> bool:
        """Whether it was refunded, and its units are for sale again."""
        return self.status == "refunded" and set(self.reservations) == {"returned"}

    def settled(self) -> bool:
        """Whether all services agree on a final state, or on one in which the buyer may claim."""
        if self.status in PAID:
            free = not self.hold and not self.escrow
            escrow, claims = PAID[self.status]
            return (
                (set(self.reservations) == {"committed"} or self.returned)
                and (free or (self.hold == "captured" and self.escrow in escrow))
                and self.claim in claims
            )
        return (
            self.status in ("failed", "cancelled", "expired")
            and set(self.reservations) <= {"released"}
            and self.hold in ("", "released")
            and not self.escrow
            and not self.claim
        )


@dataclass(frozen=True)
class Stock:
    """The stock of a supply, in units."""

    quantity: int
    available: int
    reserved: int
    sold: int


class DatabaseProbe:
    """Reads what the services have stored."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def rows(self, service: str, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        """The rows of a query in a service's database."""
        with self._resources.database(service).transaction() as transaction:
            return transaction.run(sql, parameters)

    def orders_of(self, user_id: str) -> list[str]:
        """The ids of a buyer's orders, oldest first."""
        found = self.rows("order", "SELECT id FROM orders WHERE user_id = :user_id ORDER BY id", user_id=user_id)
        return [row["id"] for row in found]

    def account(self, order_id: str) -> Account:
        """The state of an order in each service."""

        def statuses(service: str, sql: str) -> list[str]:
            return [row["status"] for row in self.rows(service, sql, order_id=order_id)]

        return Account(
            status="".join(statuses("order", "SELECT status FROM orders WHERE id = :order_id")),
            reservations=tuple(statuses("supply", "SELECT status FROM reservations WHERE order_id = :order_id")),
            hold="".join(statuses("wallet", "SELECT status FROM holds WHERE order_id = :order_id")),
            escrow="".join(statuses("wallet", "SELECT status FROM escrows WHERE order_id = :order_id")),
            claim="".join(statuses("claiming", "SELECT status FROM claims WHERE order_id = :order_id")),
        )

    def settled(self, order_id: str, within_seconds: float = WITHIN_SECONDS) -> Account:
        """An order's account once all services agree on it. Raises TimeoutError with the last one."""
        return self.until(order_id, Account.settled, within_seconds)

    def until(self, order_id: str, done: Callable[[Account], bool], within_seconds: float = WITHIN_SECONDS) -> Account:
        """An order's account once `done` accepts it. Raises TimeoutError with the last one."""
        return until(lambda: self.account(order_id), done, within_seconds)

    def all_settled(self, order_ids: Iterable[str]) -> dict[str, Account]:
        """The accounts of orders once all services agree on them. Raises TimeoutError."""
        return {order_id: self.settled(order_id) for order_id in order_ids}

    def stock(self, supply_id: str) -> Stock:
        """The stock of a supply."""
        names = ", ".join(f"sum({field.name})::bigint AS {field.name}" for field in fields(Stock))
        return Stock(**self.rows("supply", f"SELECT {names} FROM stock WHERE supply_id = :id", id=supply_id)[0])

    def money(self, wallet_id: str, currency: str = "USDC") -> tuple[int, int]:
        """The balance of a wallet: (posted, held)."""
        sql = "SELECT posted, held FROM accounts WHERE wallet_id = :id AND currency = :currency"
        found = self.rows("wallet", sql, id=wallet_id, currency=currency)
        return (found[0]["posted"], found[0]["held"]) if found else (0, 0)

    def postings(self, order_id: str) -> list[tuple[str, str, str, int]]:
        """The ledger entries of an order as (kind, account, currency, amount), in the order written."""
        sql = """
            SELECT t.kind, e.account, e.currency, e.amount FROM entries e JOIN transfers t ON t.id = e.transfer_id
            WHERE t.order_id = :order_id ORDER BY e.position"""
        found = self.rows("wallet", sql, order_id=order_id)
        return [(row["kind"], row["account"], row["currency"], row["amount"]) for row in found]

    def stream(self, service: str, stream: str) -> list[StoredEvent]:
        """The events of a stream, oldest first."""
        sql = """
            SELECT id, type, stream, version, recorded_at AS at, data, metadata_of(metadata, trace) AS metadata
            FROM events WHERE stream = :id ORDER BY version"""
        return [StoredEvent(**row) for row in self.rows(service, sql, id=stream)]

    def delivered(self, consumer: str, stream: str) -> list[StoredEvent]:
        """The events of a stream that a consumer handles, as the relay addresses them to it."""
        handled = load().rows[consumer].event or ()
        owners = {load().owner_of(each) for each in handled} - {"identity"}  # whose events are in Firestore
        stored = next((found for owner in owners if (found := self.stream(owner, stream))), [])
        return list(chained([event for event in stored if event.type in handled], 0))

    def event_types(self, order_id: str) -> list[str]:
        """The types of an order's events, oldest first."""
        return [event.type for event in self.stream("order", order_id)]

    def streams_of(self, order_id: str) -> dict[str, list[StoredEvent]]:
        """Every event of a purchase, by stream: of the order, its hold, its reservations and its claim."""
        order = self.stream("order", order_id)
        items = [item["item_id"] for item in order[0].data["items"]] if order else []
        others = [("wallet", ids.sibling(order_id, "hld")), ("claiming", ids.sibling(order_id, "clm"))]
        others += [("supply", ids.sibling(item, "rsv")) for item in items]
        return {order_id: order, **{stream: self.stream(service, stream) for service, stream in others}}
