"""The links between regions: what a region's processes call another region's through, and what can be cut.

Each is a listener of the region's edge that passes TCP on to a program of the other region. Envoy follows a file of
listeners: a listener that is no longer there refuses connections at once, and its open ones are closed within the time
that Envoy drains. So a cut link, one to a killed region, and one to where a cell is not served, looks like a machine
that is not there. The database servers of a cell follow one another through links too.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from emulators.stack import services
from emulators.stack.environment import Layout
from emulators.stack.parts import envoy
from emulators.stack.ports import link, published
from emulators.stack.regions.troubles import Troubles
from emulators.stack.sites import Site
from shared.registry import load

LISTENER: Final = "type.googleapis.com/envoy.config.listener.v3.Listener"
TCP_PROXY: Final = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"


def source(layout: Layout, region: str) -> dict[str, Any]:
    """Where a region's edge finds its links."""
    return {"path_config_source": {"path": str(layout.links(region))}, "resource_api_version": "V3"}


def clusters(layout: Layout, region: str) -> list[dict[str, Any]]:
    """What the links out of a region lead to. What another region has published is in the event bus of all."""
    pulled = layout.ports[layout.event_bus]
    led_to = {program: other for other, program in _called(layout, region, layout.places)}
    return [
        envoy.cluster(link(region, program), [envoy.locality(other, [layout.ports.get(program, pulled)])])
        for program, other in led_to.items()
    ]


def listeners(layout: Layout, region: str, troubles: Troubles) -> dict[str, Any]:
    """The links out of a region, as Envoy's discovery reads them.

    Without those to regions that it cannot reach, and to where a cell is not served at present.
    """
    made = []
    unreachable = troubles.unreachable(region)
    for other, program in _called(layout, region, layout.serving(troubles.moved)):
        if other not in unreachable:
            name = link(region, program)
            proxy = {"@type": TCP_PROXY, "stat_prefix": name, "cluster": name}
            passes_on = {"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}
            made.append({"@type": LISTENER, **envoy.listener(name, layout.ports[name], passes_on)})
    return {"resources": made}


def write(layout: Layout, region: str, troubles: Troubles) -> None:
    """Have a region's edge open the links that there are now, and close its others."""
    file = layout.links(region)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(listeners(layout, region, troubles), indent=1), encoding="utf-8")
    partial.rename(file)  # Envoy notices a file that is moved into place


def _called(layout: Layout, region: str, serving: Sequence[Site]) -> Iterator[tuple[str, str]]:
    """The programs of other regions that a region's processes call, each with its region. serving: where cells are."""
    homes = {site.cell: site for site in layout.sites}
    for site in serving:
        if site.region != region:
            yield from ((site.region, program) for program in services.called_at(load(), site))
        home = homes[site.cell]
        if site != home and home.region != region:
            yield site.region, published(home.name)  # what it publishes goes by its name at home
    for site in layout.places:
        other = layout.other(site)
        if site.region == region and other is not None:
            yield other.region, layout.store("postgres", other)
