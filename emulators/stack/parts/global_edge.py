"""The global edge: in front of the regional ones, it sends each request to the nearest healthy region.

In the cloud Google's load balancer knows where a client is; locally the client says it by X-Client-Region. A region is
out after two failed health checks or connections, a hung one within 4 s, and back after one success. A request is tried
elsewhere only if nothing of it was sent: a write that was may have taken effect.
"""

from collections.abc import Iterable
from typing import Any, Final

from emulators.stack.environment import Layout
from emulators.stack.parts import edge, envoy
from emulators.stack.parts.envoy import TYPE
from emulators.stack.ports import inner, regional_edge
from emulators.stack.sites import NEARNESS
from shared.registry import Limit

CLIENT_REGION: Final = "X-Client-Region"

GLOBAL: Final = "global"
"""What X-Served-By says if no region is healthy."""

TIMEOUT: Final = "35s"
"""Longer than a region's own, so that its answer comes first."""

HEALTH_CHECK: Final = {
    **envoy.HEALTH_CHECK,
    # Here not a functions host answers but the region's Envoy, which is never busy for so long.
    "timeout": "1s",
    "http_health_check": {
        "path": "/health",
        "request_headers_to_add": [{"header": {"key": edge.ASKS_HEALTH, "value": "1"}}],
    },
}

RETRY: Final = {
    # Each of these means that nothing was sent.
    "retry_on": "connect-failure,refused-stream,reset-before-request",
    "num_retries": 2,
    "retry_priority": {
        "name": "envoy.retry_priorities.previous_priorities",
        "typed_config": {
            "@type": f"{TYPE}.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
            "update_frequency": 1,
        },
    },
}


def configuration(layout: Layout, limits: Iterable[Limit]) -> dict[str, Any]:
    """Envoy's bootstrap configuration, with the limits of the registry's profiles."""
    filters = [*envoy.at_the_door(edge.per_address_limit(limits)), envoy.buffer_filter()]
    log_file = str(layout.logs / "edge-access.log")
    manager = envoy.connection_manager(routes(layout), filters, (GLOBAL, layout.edge_url), log_file)
    return envoy.bootstrap(
        "edge",
        {
            "listeners": [envoy.listener("edge", layout.ports["edge"], manager)],
            "clusters": [_cluster(layout, region) for region in layout.regions],
        },
        admin={"address": envoy.socket(layout.ports["edge-admin"])},
    )


def routes(layout: Layout) -> list[dict[str, Any]]:
    """A route for the clients of each region, then one for those who do not say where they are: to the primary."""
    made: list[dict[str, Any]] = []
    for region in layout.regions:
        says = {"name": CLIENT_REGION.lower(), "string_match": {"exact": region}}
        made.append({"name": f"near-{region}", "match": {"prefix": "/", "headers": [says]}, "route": _action(region)})
    return [*made, {"name": "anywhere", "match": {"prefix": "/"}, "route": _action(layout.regions[0])}]


def nearest(region: str, layout: Layout) -> list[str]:
    """The regions of the stack, the nearest first."""
    return [near for near in NEARNESS[region] if near in layout.regions]


def _action(region: str) -> dict[str, Any]:
    return {"cluster": f"near-{region}", "timeout": TIMEOUT, "retry_policy": RETRY}


def _cluster(layout: Layout, region: str) -> dict[str, Any]:
    endpoints = [
        envoy.locality(near, [layout.ports[inner(regional_edge(near))]], priority)
        for priority, near in enumerate(nearest(region, layout))
    ]
    return envoy.cluster(
        f"near-{region}",
        endpoints,
        health_checks=[HEALTH_CHECK],
        outlier_detection={**envoy.OUTLIERS, "max_ejection_percent": 100},
        circuit_breakers={
            "thresholds": [{"max_connections": 1024, "max_pending_requests": 4096, "max_requests": 4096}]
        },
        typed_extension_protocol_options=envoy.UPSTREAM,
    )
