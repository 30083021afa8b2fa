"""Keep this cell's copy of the supplies of other cells."""

from functions.supply.domain.supply import StockLevel
from functions.supply.ports import CopyingWork
from functions.supply.terms import stock_of, supply_of
from shared.contracts.events import Event
from shared.contracts.gen.supply_events_pb2 import (
    SupplyArchived,
    SupplyCreated,
    SupplyRestocked,
    SupplySoldOut,
    SupplyUpdated,
)

SupplyEvents = SupplyCreated | SupplyUpdated | SupplyRestocked | SupplySoldOut | SupplyArchived


def replicate_supply(event: Event[SupplyEvents], work: CopyingWork) -> None:
    """Write what the event says; drafts, which only their merchant sees, stay at home.

    An event of a release before there were copies does not say enough: such a supply appears with its next change.
    """
    data = event.data
    match data:
        case SupplyCreated() | SupplyUpdated():
            if data.HasField("terms") and data.terms.published:
                supply = supply_of(data, event.stream)
                work.supplies.replicate(supply, event.version, proven=data.terms.asset_proven)
        case SupplyRestocked():
            if data.HasField("stock"):
                work.supplies.count_elsewhere(event.stream, stock_of(data.stock), event.version)
        case SupplySoldOut():
            sold_out = StockLevel(data.quantity, available=0, reserved=0, sold=data.quantity, version=0)
            work.supplies.count_elsewhere(event.stream, sold_out, event.version)
        case SupplyArchived():
            work.supplies.end_elsewhere(event.stream, event.version)
