"""Services' sql/metrics.sql says what their relays measure."""

from typing import Any

from shared.container.measurements import stored
from shared.registry import load
from shared.telemetry.catalogue import BY_NAME
from tests.isolated_services import IsolatedServices


def test_what_is_in_the_databases(isolated: IsolatedServices) -> None:
    """The queries of sql/metrics.sql, each with the labels that the catalogue gives its metric."""
    buyer, supply = isolated.new_user(USDC=1000), isolated.sell(isolated.new_user())
    isolated.confirm(isolated.place(buyer, (supply, 1)))
    measured: dict[str, Any] = {}
    for service, each in load().services.items():
        if each.database:
            measured |= stored(service, isolated.resources)
    assert measured.keys() == {
        "meridian_orders",
        "meridian_claims",
        "meridian_deliveries",
        "meridian_stock_units",
        "meridian_quota_units",
    }
    for name, series in measured.items():
        assert all(len(labels) == len(BY_NAME[name].labels) for labels, _ in series)
    assert {tuple(labels): value for labels, value in measured["meridian_orders"]}[("confirmed",)] >= 1
    assert {labels[0] for labels, _ in measured["meridian_stock_units"]} == {"available", "reserved", "sold"}
