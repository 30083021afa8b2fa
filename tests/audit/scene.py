"""A small world that every invariant has something to look at in, and whose databases can be put back as they were."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import msgspec
from pg8000.native import Connection, identifier

from functions.claiming.create_claim import CreateClaim
from functions.order.domain.order import Order
from functions.platform.audit import Audit, AuditView
from shared import ids
from shared.money import Amount
from tests.functions.wallet.custody import Custody, an_address
from tests.functions.wallet.test_seal_entries import seal
from tests.island import SERVICES

APPLIED: Final = "events_are_applied"

AFTER: Final = timedelta(minutes=5)
"""When it is looked at: what happened in it has had its effects by then, and nothing is overdue."""


class Scene:
    """People and what became of their orders, by the names that planted violations use."""

    def __init__(self, custody: Custody) -> None:
        self.custody = custody
        self.island = custody.island
        self.names: dict[str, str] = {}
        self._play()
        custody.watch()
        for service in SERVICES:
            with self.island.superuser(service) as connection:
                connection.run("CREATE SCHEMA saved")
                for table, columns in _tables(connection).items():
                    connection.run(f"CREATE TABLE saved.{table} AS SELECT {columns} FROM public.{table}")

    def audited(self) -> AuditView:
        """What the platform's audit answers of it."""
        with self.island.later(AFTER):
            view: AuditView = self.island.run("audit", request=Audit())
        # Nobody publishes a scene's events; that what is not applied is found is tested beside what finds it.
        return msgspec.structs.replace(
            view,
            checked=[name for name in view.checked if not name.endswith(APPLIED)],
            violations=[each for each in view.violations if not each.invariant.endswith(APPLIED)],
        )

    def broken(self) -> set[tuple[str, str]]:
        """What breaks an invariant: which, and where."""
        return {(each.invariant, each.subject) for each in self.audited().violations}

    @contextmanager
    def planted(self, service: str, statements: str) -> Iterator[None]:
        """Change a service's data by hand; it is as it was afterwards."""
        with self.island.superuser(service) as connection:
            checks = _checks(connection)
            for statement in statements.split(";\n"):
                if statement.strip():
                    connection.run(statement)
            try:
                yield
            finally:
                _restore(connection, checks - _checks(connection))

    # What happens in it

    def _play(self) -> None:
        island = self.island
        merchant, sealed = island.islander(), island.islander(USDC=50)
        seal(island)
        buyer, stranger = island.islander(USDC=100_000, ETH=5), island.islander(USDC=70)
        supply = island.sell(merchant, quantity=100)
        other = island.sell(merchant, quantity=100, unit_price=Amount(500))
        free = island.sell(merchant, unit_price=Amount(0))
        line = (supply, 2)
        pending, confirmed = island.place(buyer, line), island.confirm(island.place(buyer, line))
        cancelled = island.place(buyer, line)
        assert island.orders.supply.reserve(cancelled) is None
        assert island.orders.wallet.hold(cancelled) is None
        assert island.orders.wallet.release(cancelled)
        cancelled = island.record(cancelled, cancelled.cancel())
        island.orders.supply.release(cancelled)
        paid, claimed, matured, refunded = [self._bought(island.buy(buyer, line, (other, 1))) for _ in range(4)]
        gift = island.confirm(island.place(buyer, (free, 1)))
        self._bought(gift)
        island.run("create_claim", request=CreateClaim(order_id=claimed.id), caller=buyer.caller)
        island.deliver("record_claim", ids.sibling(claimed.id, "clm"))
        island.record(matured, matured.mature())
        for order in (claimed, matured):
            island.deliver("settle_order", order.id)
        asked = island.record(refunded, refunded.request_refund(merchant.user_id, "", restock=True))
        assert island.orders.claiming.void(asked)
        island.orders.wallet.refund(asked)
        island.record(asked, asked.refund())
        island.deliver("return_stock", refunded.id)
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
        self.names |= {"supply": supply.id, "other": other.id, "cell": island.settings.cell}
        self.names |= {"mined": mined.id, "requested": requested.id}
        self.names |= {"treasury": self.custody.signer.address, "chain": str(island.settings.claim_chain_id)}

    def _bought(self, order: Order) -> Order:
        for consumer in ("commit_stock", "open_claim"):
            self.island.deliver(consumer, order.id)
        return order

    def _name(self, name: str, order: Order) -> None:
        kinds = {"hold": "hld", "claim": "clm"}
        self.names |= {name: order.id, **{f"{name}_{kind}": ids.sibling(order.id, kinds[kind]) for kind in kinds}}
        for place, item in enumerate(order.items):
            self.names[f"{name}_item{place}"] = item.item_id
            self.names[f"{name}_rsv{place}"] = ids.sibling(item.item_id, "rsv")


def _tables(connection: Connection) -> dict[str, str]:
    """The tables of a database, each with the columns that can be written."""
    rows = connection.run(
        "SELECT table_name, string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position) "
        "FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name) "
        "WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND is_generated = 'NEVER' GROUP BY table_name"
    )
    return dict(rows)


def _checks(connection: Connection) -> set[tuple[str, str, str]]:
    """The checks of a database's tables: (table, name, definition)."""
    rows = connection.run(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE contype = 'c' AND conrelid <> 0 AND connamespace = 'public'::regnamespace"
    )
    return {(table, name, definition) for table, name, definition in rows}


def _restore(connection: Connection, dropped: set[tuple[str, str, str]]) -> None:
    """Put all rows back as they were saved, and whatever stood in a plant's way and had to go."""
    connection.run("BEGIN")
    connection.run("SET LOCAL session_replication_role = replica")  # no trigger fires: what is immutable can be deleted
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
