"""What operators see of cells: where they are, and what is in them."""

from collections.abc import Mapping
from typing import Annotated

import msgspec

from functions.platform.domain.cells import Cell
from functions.platform.domain.figures import Figures
from functions.platform.views import SignedAmount
from shared.contracts.fields import CurrencyCode, SupplyId, Units
from shared.contracts.operations import Time, View

CellName = Annotated[str, msgspec.Meta(description="A cell: a share of all data, named in every id.", examples=["us"])]
RegionName = Annotated[str, msgspec.Meta(examples=["us-central1"])]
Counted = Annotated[dict[str, int], msgspec.Meta(examples=[{"paid": 12, "completed": 288}])]
States = Annotated[dict[str, str], msgspec.Meta(examples=[{"redis": "closed"}])]


class CellView(View):
    """A cell, and where it is."""

    cell: CellName
    """The cell's name."""

    home: RegionName
    """The region where it began."""

    region: RegionName
    """The region that serves it: another than `home` after a promotion."""

    epoch: Annotated[int, msgspec.Meta(examples=[1])]
    """How often it was promoted, counted from 1."""

    leased: bool
    """Whether it is written under a lease; not so where a single region is served."""

    renewals: Annotated[int, msgspec.Meta(examples=[3600])]
    """How often its lease was renewed, about once a second: a count that stands still is of a lease that ends."""

    holder: Annotated[str, msgspec.Meta(examples=["us-central1 4711"])]
    """Who renewed it last, for a person; empty for nobody."""

    standby: Annotated[str, msgspec.Meta(examples=["europe-west1"])]
    """The region whose standby of this cell may be promoted; empty while none is designated."""

    opening: bool
    """Whether a promotion is still under way."""

    @classmethod
    def of(cls, cell: Cell) -> "CellView":
        """What operators see of it."""
        return cls(
            cell=cell.name,
            home=cell.home,
            region=cell.region,
            epoch=cell.epoch,
            leased=cell.leased,
            renewals=cell.renewals,
            holder=cell.holder,
            standby=cell.standby,
            opening=cell.opening,
        )


class CellsView(View):
    """All cells."""

    items: list[CellView]
    """The cells of this deployment, by name."""


class CellStockView(View):
    """The units of a supply that a cell has as its own."""

    supply_id: SupplyId
    """The supply."""

    title: Annotated[str, msgspec.Meta(examples=["First light"])]
    """Its title."""

    quantity: Units
    """How many units the cell may sell, sold ones included: its quota."""

    available: Units
    """How many it has left."""

    reserved: Units
    """How many orders have reserved that are not paid yet."""

    sold: Units
    """How many it has sold."""


class AccountsView(View):
    """What a kind of accounts has together."""

    kind: Annotated[str, msgspec.Meta(examples=["escrow"])]
    """`wallets`, what of these is `held`, or one of the house's: `escrow`, `fees`, `external`, `transit`, `faucet`,
    `losses`.
    """

    currency: CurrencyCode
    """The currency."""

    amount: SignedAmount
    """The sum in atomic units, with its sign: all kinds of a currency but `held` come to 0."""


class InvariantsView(View):
    """What was found when the invariants of a service's data were last checked, which is done each minute."""

    checked_at: Time
    """When that was."""

    holding: Annotated[int, msgspec.Meta(examples=[21])]
    """How many held."""

    violated: Annotated[list[str], msgspec.Meta(examples=[["money_sums_to_zero"]])]
    """The names of those that did not; the audit says of what they do not hold."""


class ServiceFiguresView(View):
    """What a service is like, in one cell."""

    service: Annotated[str, msgspec.Meta(examples=["order"])]
    """The service."""

    measured_at: Time
    """When its figures were taken; they are kept for a while, longer where measuring takes long."""

    unsent_events: Annotated[int, msgspec.Meta(examples=[0])]
    """Events in its outbox that wait to be published."""

    unsent_seconds: Annotated[int, msgspec.Meta(examples=[0])]
    """For how many seconds the oldest of them has waited."""

    parked_events: Annotated[int, msgspec.Meta(examples=[0])]
    """Events that its consumers could not apply yet."""

    breakers: States
    """The circuit breakers of its RPC host: `closed`, `open` or `half_open`, by dependency."""

    invariants: InvariantsView | None
    """Whether its invariants hold; null while nobody has checked them for ten minutes, or that is not known."""

    @classmethod
    def of(cls, service: str, figures: Figures) -> "ServiceFiguresView":
        """What operators see of a service's figures."""
        found = figures.invariants
        return cls(
            service=service,
            measured_at=figures.measured_at,
            unsent_events=figures.unsent_events,
            unsent_seconds=round(figures.unsent_seconds),
            parked_events=figures.parked_events,
            breakers={each.name: each.state for each in figures.breakers},
            invariants=InvariantsView(found.checked_at, found.holding, list(found.violated)) if found else None,
        )


class CellFiguresView(View):
    """A cell in figures."""

    cell: CellName
    """The cell."""

    region: RegionName
    """The region that serves it."""

    dependencies: States
    """What its requests depend on: `ok`, or what is wrong, by name."""

    replication_lag_seconds: Annotated[dict[str, float | None], msgspec.Meta(examples=[{"eu": 0.4}])]
    """By how many seconds its copies of other cells' data are behind, by cell; null where that is not known."""

    orders: Counted
    """Its orders, by status."""

    claims: Counted
    """Its claims, by status."""

    deliveries: Counted
    """Its deliveries to webhooks that are kept, by status."""

    stock: list[CellStockView]
    """Its units of the 50 newest supplies on sale."""

    money: list[AccountsView]
    """What its accounts have, by kind and currency."""

    services: list[ServiceFiguresView]
    """Its services."""

    @classmethod
    def of(
        cls,
        site: tuple[str, str],
        figures: Mapping[str, Figures],
        dependencies: Mapping[str, str],
        lags: Mapping[str, float | None],
    ) -> "CellFiguresView":
        """What operators see of a cell. site: its name and region. figures: by service, of those that have answered."""
        cell, region = site
        return cls(
            cell=cell,
            region=region,
            dependencies=dict(dependencies),
            replication_lag_seconds=dict(lags),
            orders=_counted(figures, "orders"),
            claims=_counted(figures, "claims"),
            deliveries=_counted(figures, "deliveries"),
            stock=[
                CellStockView(s.supply_id, s.title, s.quantity, s.available, s.reserved, s.sold)
                for each in figures.values()
                for s in each.stock
            ],
            money=[AccountsView(m.kind, m.currency, m.amount) for each in figures.values() for m in each.money],
            services=[ServiceFiguresView.of(name, each) for name, each in figures.items()],
        )


class OverviewView(View):
    """All cells in figures."""

    cells: list[CellFiguresView]
    """The cells that answered."""

    checked: list[Annotated[str, msgspec.Meta(examples=["us order"])]]
    """The services whose figures these are, each with its cell."""

    unchecked: list[Annotated[str, msgspec.Meta(examples=["cell eu"])]]
    """The services, with their cells, and the cells that did not answer."""


def _counted(figures: Mapping[str, Figures], kind: str) -> dict[str, int]:
    return {each.status: each.count for found in figures.values() for each in found.counts if each.kind == kind}
