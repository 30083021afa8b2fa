"""What a function needs to hand requests on and to take those that are handed on to it."""

from typing import TYPE_CHECKING

import msgspec

from shared.firestore.cells import CellMap
from shared.registry import Row
from shared.resources import Resources
from shared.runtime.forwarding.forwarder import Forwarder, forwards
from shared.runtime.forwarding.hops import Arrivals, HopCredentials

if TYPE_CHECKING:
    from shared.runtime.forwarding.fan_out import FanOut


class Forwarding(msgspec.Struct, frozen=True):
    """The forwarding of one row."""

    arrivals: Arrivals
    forwarder: Forwarder
    fan_out: "FanOut"
    cells: CellMap


def forwarding(row: Row, resources: Resources) -> Forwarding | None:
    """The forwarding of a row; None where nothing is ever handed on: with one region, and where any cell answers."""
    settings = resources.settings
    if not forwards(row, settings):
        return None
    from shared.runtime.forwarding.fan_out import FanOut

    credentials = resources.once("hop credentials", lambda: HopCredentials(settings))
    forwarder = Forwarder(row, settings, resources.clock, resources.cells(), credentials, resources.breaker)
    arrivals = Arrivals(settings, resources.cells(), credentials)
    return Forwarding(arrivals, forwarder, FanOut(row, forwarder, settings.proxies), resources.cells())
