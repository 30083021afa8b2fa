"""Writes what the edges of a stack read: that of its only region, or the global one and one for each region."""

import json

from emulators.stack.environment import Layout
from emulators.stack.parts import edge, global_edge, links
from emulators.stack.ports import regional_edge
from emulators.stack.regions.troubles import Troubles
from shared.registry import Registry


def configure(registry: Registry, layout: Layout) -> None:
    """Write the configuration of every edge, with all links open."""
    rows, limits = registry.http_rows(), list(registry.limits.values())
    if len(layout.regions) == 1:
        made = {"edge": edge.configuration(rows, layout, limits)}
    else:
        made = {"edge": global_edge.configuration(layout, limits)}
        for region in layout.regions:
            made[regional_edge(region)] = edge.of_region(rows, layout, limits, region)
            links.write(layout, region, Troubles())
    for name, configuration in made.items():
        layout.configuration(name).write_text(json.dumps(configuration, indent=1), encoding="utf-8")
