"""Credit units that another cell has granted to this one."""

from functions.supply.ports import SupplyWork
from shared.contracts.events import Event
from shared.contracts.gen.supply_events_pb2 import SupplyQuotaMoved


def credit_units(event: Event[SupplyQuotaMoved], work: SupplyWork) -> None:
    """The units, and rights in phases, are this cell's from now on: in the transaction that advances the inbox."""
    work.quotas.credit(event)
