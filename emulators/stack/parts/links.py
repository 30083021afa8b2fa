"""The links between regions: what a region's processes call another region's through, and what can be cut.

Each is a listener of the region's edge that passes TCP on to a program of the other region. Envoy follows a file of
listeners: a listener that is no longer there refuses connections at once, and its open ones are closed within the time
that Envoy drains. So a cut link, and one to a killed region, looks like a machine that is not there.
"""

import json
from collections.abc import Collection, Iterator
from typing import Any, Final

from emulators.stack import services
from emulators.stack.environment import Layout
from emulators.stack.parts import envoy
from emulators.stack.ports import link
from shared.registry import load

LISTENER: Final = "type.googleapis.com/envoy.config.listener.v3.Listener"
TCP_PROXY: Final = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"


def source(layout: Layout, region: str) -> dict[str, Any]:
    """Where a region's edge finds its links."""
    return {"path_config_source": {"path": str(layout.links(region))}, "resource_api_version": "V3"}


def clusters(layout: Layout, region: str) -> list[dict[str, Any]]:
    """What the links out of a region lead to. What another region has published is in the event bus of all."""
    pulled = layout.ports[layout.event_bus]
    return [
        envoy.cluster(link(region, program), [envoy.locality(other, [layout.ports.get(program, pulled)])])
        for other, program in _called(layout, region)
    ]


def listeners(layout: Layout, region: str, unreachable: Collection[str]) -> dict[str, Any]:
    """The links out of a region, but for those to regions that it cannot reach, as Envoy's discovery reads them."""
    made = []
    for other, program in _called(layout, region):
        if other not in unreachable:
            name = link(region, program)
            proxy = {"@type": TCP_PROXY, "stat_prefix": name, "cluster": name}
            passes_on = {"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}
            made.append({"@type": LISTENER, **envoy.listener(name, layout.ports[name], passes_on)})
    return {"resources": made}


def write(layout: Layout, region: str, unreachable: Collection[str]) -> None:
    """Have a region's edge open these links, and close its others."""
    file = layout.links(region)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(listeners(layout, region, unreachable), indent=1), encoding="utf-8")
    partial.rename(file)  # Envoy notices a file that is moved into place


def _called(layout: Layout, region: str) -> Iterator[tuple[str, str]]:
    """The programs of other regions that a region's processes call, each with its region."""
    for site in layout.sites:
        if site.region != region:
            yield from ((site.region, program) for program in services.called_at(load(), site))
