"""The edge of a region: Envoy's configuration, its routes generated from the registry.

Envoy replaces Google's load balancer, which is Envoy as well. It routes by path template and method, and by weights to
the colours of a rollout. Requests that match no row go to the functions host too, whose function `unmatched` returns
the contract's problem. problems.py does the same for Envoy's own responses.

In a stack of several regions the global edge (global_edge.py) is in front, and calls a listener of its own here, which
trusts what that says about clients and tells it whether the region is healthy.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from emulators.stack.environment import Layout
from emulators.stack.parts import envoy, links
from emulators.stack.parts.envoy import TYPE
from emulators.stack.ports import functions_host, inner, regional_edge
from shared.registry import Limit, Rate, Row

WEIGHTS: Final = {"blue": 100}
"""The share of each colour in percent. A rollout adds a second colour and moves the weights."""

TIMEOUT: Final = "30s"

CONNECTIONS: Final = 64
"""Connections to a functions host; further requests queue in Envoy. granian's --backpressure counts idle ones too."""

ASKS_HEALTH: Final = "x-meridian-health"
"""The header by which the global edge asks; what clients send under such a name is removed."""


def configuration(rows: Iterable[Row], layout: Layout, limits: Iterable[Limit]) -> dict[str, Any]:
    """Envoy's bootstrap configuration of the only region, for the registry's HTTP rows and its profiles' limits."""
    region = layout.regions[0]
    outer = envoy.listener("edge", layout.ports["edge"], _outer(_all_routes(rows), layout, region, limits, "edge"))
    return envoy.bootstrap(
        "edge",
        {"listeners": [outer], "clusters": _clusters(layout, region)},
        admin={"address": envoy.socket(layout.ports["edge-admin"])},
    )


def of_region(rows: Iterable[Row], layout: Layout, limits: Iterable[Limit], region: str) -> dict[str, Any]:
    """The configuration of the edge of one region among several, which also starts the links that lead out of it."""
    name, made = regional_edge(region), _all_routes(rows)
    outer = envoy.listener(name, layout.ports[name], _outer(made, layout, region, limits, name))
    filters = [_health_filter(), envoy.compressor()]
    log_file = str(layout.logs / f"{name}-access.log")
    called = envoy.connection_manager(made, filters, (region, layout.edge_url), log_file, outermost=False)
    listeners = [outer, envoy.listener(inner(name), layout.ports[inner(name)], called)]
    return envoy.bootstrap(
        name,
        {"listeners": listeners, "clusters": [*_clusters(layout, region), *links.clusters(layout, region)]},
        dynamic_resources={"lds_config": links.source(layout, region)},
    )


def _outer(
    made: Sequence[dict[str, Any]], layout: Layout, region: str, limits: Iterable[Limit], name: str
) -> dict[str, Any]:
    """What speaks with clients."""
    filters = [*envoy.at_the_door(per_address_limit(limits)), envoy.compressor(), envoy.buffer_filter()]
    log_file = str(layout.logs / f"{name}-access.log")
    return envoy.connection_manager(made, filters, (region, layout.edge_url), log_file)


def route_configuration(rows: Iterable[Row], weights: Mapping[str, int] = WEIGHTS) -> dict[str, Any]:
    """All routes, to the colours by weight; they sum to more than 0."""
    return envoy.route_configuration(_all_routes(rows, weights))


def _all_routes(rows: Iterable[Row], weights: Mapping[str, int] = WEIGHTS) -> list[dict[str, Any]]:
    return [_ESCAPED, *routes(rows, weights)]


def routes(rows: Iterable[Row], weights: Mapping[str, int] = WEIGHTS) -> list[dict[str, Any]]:
    """A route for each HTTP row, those with the fewest parameters first, then the catch-all."""
    ordered = sorted((row for row in rows if row.http), key=lambda row: (len(row.parameters), row.path, row.method))
    unmatched = {"name": "unmatched", "match": {"prefix": "/"}, "route": _action(weights)}
    return [*(_route(row, weights) for row in ordered), unmatched]


_ESCAPED: Final = {
    "name": "escaped",
    "match": {"safe_regex": {"regex": ".*%2[fF].*"}},
    "direct_response": {"status": 404},
}
"""An escaped slash is no separator (RFC 3986, 2.2), but WSGI would decode it to one: no row has such a path."""


def _route(row: Row, weights: Mapping[str, int]) -> dict[str, Any]:
    # Like the functions, the edge treats HEAD as a GET without a body.
    methods = ["GET", "HEAD"] if row.method == "GET" else [row.method]
    path: dict[str, Any] = {"path": row.path}
    if row.parameters:
        path = {
            "path_match_policy": {
                "name": "envoy.path.match.uri_template.uri_template_matcher",
                "typed_config": {
                    "@type": f"{TYPE}.path.match.uri_template.v3.UriTemplateMatchConfig",
                    "path_template": row.path,
                },
            }
        }
    method = {"name": ":method", "string_match": {"safe_regex": {"regex": "|".join(methods)}}}
    action = _action(weights) | (_RETRY if row.method == "GET" else {})
    made = {"name": row.name, "match": {**path, "headers": [method]}, "route": action}
    return made | (_VARIES if row.anonymous else {})


_VARIES: Final = {"response_headers_to_add": [{"header": {"key": "Vary", "value": "Authorization"}}]}
"""For what anybody may read, and who signs in otherwise: the cloud's balancer says so behind its cache, which would
keep nothing with this header (terraform/modules/edge)."""

_RETRY: Final = {"retry_policy": {"retry_on": "connect-failure,refused-stream,reset-before-request", "num_retries": 1}}
"""For reads only: a write whose connection was reset may have taken effect, and its caller has an idempotency key."""


def _action(weights: Mapping[str, int]) -> dict[str, Any]:
    clusters = [{"name": cluster_name(colour), "weight": weight} for colour, weight in weights.items() if weight]
    return {"weighted_clusters": {"clusters": clusters}, "timeout": TIMEOUT}


def per_address_limit(limits: Iterable[Limit]) -> Rate:
    """The edge's rate limit of one network address: the sum of the functions' limits of all profiles.

    So it never refuses what they would serve; it only sheds a flood that they would refuse request by request.
    """
    rates = [limit.ip for limit in limits]
    return Rate(rate=sum(rate.rate for rate in rates), burst=sum(rate.burst for rate in rates))


def _clusters(layout: Layout, region: str) -> list[dict[str, Any]]:
    """The functions hosts of a region in each colour, one for each of its cells."""
    ports = [layout.ports[functions_host(site.name)] for site in layout.sites if site.region == region]
    return [cluster(colour, region, ports) for colour in WEIGHTS]


def cluster_name(colour: str) -> str:
    """The cluster of a colour, as the access log names it."""
    return f"functions-{colour}"


def cluster(colour: str, region: str, ports: Sequence[int]) -> dict[str, Any]:
    """Functions hosts of a region in one colour, by their ports."""
    return envoy.cluster(
        cluster_name(colour),
        [envoy.locality(region, ports)],
        health_checks=[envoy.HEALTH_CHECK],
        outlier_detection=envoy.OUTLIERS,
        circuit_breakers={"thresholds": [{"max_connections": CONNECTIONS, "max_pending_requests": 4096}]},
        typed_extension_protocol_options=envoy.UPSTREAM,
    )


def _health_filter() -> dict[str, Any]:
    """Tells the global edge whether a functions host of the region is healthy, without asking one: that may be busy."""
    healthy = {cluster_name(colour): {"value": 1} for colour in WEIGHTS}
    question = [
        {"name": ":path", "string_match": {"exact": "/health"}},
        {"name": ASKS_HEALTH, "present_match": True},
    ]
    return {
        "name": "envoy.filters.http.health_check",
        "typed_config": {
            "@type": f"{TYPE}.filters.http.health_check.v3.HealthCheck",
            "pass_through_mode": False,
            "cluster_min_healthy_percentages": healthy,
            "headers": question,
        },
    }
