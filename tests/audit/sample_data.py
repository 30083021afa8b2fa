"""Sample data with rows for every invariant, and databases that can be restored after a planted violation."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import msgspec
from pg8000.native import Connection, identifier

from functions.claiming.requests import CreateClaim
from functions.order.domain.order import Order
from functions.platform.audit import Audit, AuditView
from shared import ids
from shared.contracts.invariants import named
from shared.money import Amount
from tests.functions.wallet.custody import Custody, an_address
from tests.functions.wallet.test_seal_entries import seal
from tests.isolated_services import SERVICES

APPLIED: Final = "events_are_applied"

AFTER: Final = timedelta(minutes=5)
"""How much later it is audited: all effects have happened by then, and nothing is overdue."""


class SampleData:
    """Users and orders in every state, by the names that planted violations use."""

    def __init__(self, custody: Custody) -> None:
        self.custody = custody
        self.isolated = custody.isolated
        self.names: dict[str, str] = {}
        self._play()
        custody.watch()
        for service in SERVICES:
            with self.isolated.superuser(service) as connection:
                connection.run("CREATE SCHEMA saved")
                for table, columns in _tables(connection).items():
                    connection.run(f"CREATE TABLE saved.{table} AS SELECT {columns} FROM public.{table}")

    def audited(self) -> AuditView:
        """The response of the platform's audit."""
        with self.isolated.later(AFTER):
            view: AuditView = self.isolated.run("audit", request=Audit())
        # No relay publishes these events; detection of unapplied events is tested elsewhere.
        return msgspec.structs.replace(
            view,
            checked=[name for name in view.checked if not named(name, [APPLIED])],
            violations=[each for each in view.violations if not named(each.invariant, [APPLIED])],
        )

    def broken(self) -> set[tuple[str, str]]:
        """The violations as (invariant, subject)."""
        return {(each.invariant, each.subject) for each in self.audited().violations}

    @contextmanager
    def planted(self, service: str, statements: str) -> Iterator[None]:
        """Change a service's data directly for the block, and restore it afterwards."""
        with self.isolated.superuser(service) as connection:
            checks = _checks(connection)
            for statement in statements.split(";\n"):
                if statement.strip():
                    connection.run(statement)
            try:
                yield
            finally:
                _restore(connection, checks - _checks(connection))

    # The data

    def _play(self) -> None:
        isolated = self.isolated
        merchant, sealed = isolated.new_user(), isolated.new_user(USDC=50)
        seal(isolated)
        buyer, stranger = isolated.new_user(USDC=100_000, ETH=5), isolated.new_user(USDC=70)
        supply = isolated.sell(merchant, quantity=100)
        other = isolated.sell(merchant, quantity=100, unit_price=Amount(500))
        free = isolated.sell(merchant, unit_price=Amount(0))
        line = (supply, 2)
        pending, confirmed = isolated.place(buyer, line), isolated.confirm(isolated.place(buyer, line))
        cancelled = isolated.place(buyer, line)
        assert isolated.orders.supply.reserve([cancelled])[0] is None
        assert isolated.orders.wallet.hold([cancelled])[0] is None
        assert isolated.orders.wallet.release(cancelled)
        cancelled = isolated.record(cancelled, cancelled.cancel())
        isolated.orders.supply.release(cancelled)
        paid, claimed, matured, refunded = [self._bought(isolated.buy(buyer, line, (other, 1))) for _ in range(4)]
        gift = isolated.confirm(isolated.place(buyer, (free, 1)))
        self._bought(gift)
        isolated.run("create_claim", request=CreateClaim(order_id=claimed.id), caller=buyer.caller)
        isolated.deliver("record_claim", ids.sibling(claimed.id, "clm"))
        isolated.record(matured, matured.mature())
        for order in (claimed, matured):
            isolated.deliver("settle_order", order.id)
        refunding = isolated.record(refunded, refunded.request_refund(merchant.user_id, "", restock=True))
        assert isolated.orders.claiming.void(refunding)
        isolated.orders.wallet.refund(refunding)
        isolated.record(refunding, refunding.refund())
        isolated.deliver("return_stock", refunded.id)
        mined = self.custody.withdraw(buyer, an_address(), 11)
        self.custody.settle()
        requested = self.custody.withdraw(buyer, an_address(), 12)
        orders = {"pending": pending, "confirmed": confirmed, "cancelled": cancelled, "paid": paid, "claimed": claimed}
        orders |= {"matured": matured, "refunded": refunded, "gift": gift}
        for name, order in orders.items():
            self._name(name, order)
        people = {"merchant": merchant, "sealed": sealed, "buyer": buyer, "stranger": stranger}
        for name, person in people.items():
            self.names |= {name: person.wallet_id, f"{name}_user": person.user_id}
        self.names |= {"supply": supply.id, "other": other.id, "cell": isolated.settings.cell}
        self.names |= {"mined": mined.id, "requested": requested.id}
        self.names |= {"treasury": self.custody.signer.address, "chain": str(isolated.settings.claim_chain_id)}

    def _bought(self, order: Order) -> Order:
        for consumer in ("commit_stock", "open_claim"):
            self.isolated.deliver(consumer, order.id)
        return order

    def _name(self, name: str, order: Order) -> None:
        kinds = {"hold": "hld", "claim": "clm"}
        self.names |= {name: order.id, **{f"{name}_{kind}": ids.sibling(order.id, kinds[kind]) for kind in kinds}}
        for place, item in enumerate(order.items):
            self.names[f"{name}_item{place}"] = item.item_id
            self.names[f"{name}_rsv{place}"] = ids.sibling(item.item_id, "rsv")


def _tables(connection: Connection) -> dict[str, str]:
    """The tables of a database, each with its writable columns."""
    rows = connection.run(
        "SELECT table_name, string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position) "
        "FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name) "
        "WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND is_generated = 'NEVER' GROUP BY table_name"
    )
    return dict(rows)


def _checks(connection: Connection) -> set[tuple[str, str, str]]:
    """The check constraints of a database: (table, name, definition)."""
    rows = connection.run(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE contype = 'c' AND conrelid <> 0 AND connamespace = 'public'::regnamespace"
    )
    return {(table, name, definition) for table, name, definition in rows}


def _restore(connection: Connection, dropped: set[tuple[str, str, str]]) -> None:
    """Restore all rows, and the constraints and triggers that a planted violation had dropped or disabled."""
    connection.run("BEGIN")
    connection.run(
        "SET LOCAL session_replication_role = replica"
    )  # disables triggers, so that immutable rows can be deleted
    for table, columns in _tables(connection).items():
        connection.run(f"DELETE FROM public.{table}")
        connection.run(
            f"INSERT INTO public.{table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM saved.{table}"
        )
    for table, name, definition in dropped:
        connection.run(f"ALTER TABLE {table} ADD CONSTRAINT {identifier(name)} {definition}")
    for (table,) in connection.run("SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgenabled = 'D'"):
        connection.run(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    connection.run("COMMIT")
