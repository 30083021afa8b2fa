"""Note what another cell has reserved and sold of a supply of this cell."""

from functions.supply.ports import SupplyWork
from shared.contracts.events import Event
from shared.contracts.gen.supply_events_pb2 import SupplyCounted


def count_sales(event: Event[SupplyCounted], work: SupplyWork) -> None:
    """Note the latest report of each cell; with the last unit sold, in whichever cell, the home says so."""
    work.quotas.count(event)
