"""The edge: Envoy's configuration, its routes generated from the registry.

Envoy stands for Google's load balancer, which is Envoy as well. It routes by path template and method, by weights to
the colours of a rollout and by priorities to the regions; whatever no row names goes to the functions host too, whose
function `unmatched` answers in the contract's form. What Envoy must answer itself, problems.py puts into that form.

The configuration is JSON, not YAML: Envoy reads both, and JSON has no words that turn into booleans.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from emulators import problems
from emulators.environment import Layout, functions_host
from emulators.ports import HOST
from shared.registry import Limit, Rate, Row

WEIGHTS: Final = {"blue": 100}
"""The share of each colour in percent. A rollout adds a second colour and moves the weights."""

EDGE_HEADER: Final = "x-meridian-edge"
"""Marks a request that came through the edge: the functions host keeps its internal paths from those."""

TIMEOUT: Final = "30s"

CONNECTIONS: Final = 64
"""At once to a functions host, the rest waiting in Envoy: idle ones count against granian's --backpressure as well."""

TYPE: Final = "type.googleapis.com/envoy.extensions"

BUFFERED_BYTES: Final = 16 * 1024 * 1024
"""How much of a body the edge takes in. Larger ones it refuses itself, whoever sends them."""


CALLERS: Final = 10_000
"""How many network addresses the edge counts at once; the one that has not asked for longest is forgotten first."""


def configuration(rows: Iterable[Row], layout: Layout, limits: Iterable[Limit]) -> dict[str, Any]:
    """Envoy's bootstrap configuration for the HTTP rows of the registry and the limits of its profiles."""
    return {
        "node": {"id": "edge", "cluster": "meridian"},
        "admin": {"address": _socket(layout.ports["edge-admin"])},
        # Envoy takes no pattern that comes to more than 100 instructions, unless told; a counted repetition does.
        "layered_runtime": {"layers": [{"name": "static", "static_layer": {"re2.max_program_size.error_level": 1000}}]},
        "static_resources": {
            "listeners": [
                {
                    "name": "edge",
                    "address": _socket(layout.ports["edge"]),
                    "filter_chains": [{"filters": [_connection_manager(rows, layout, coarse(limits))]}],
                }
            ],
            "clusters": [_cluster(colour, layout) for colour in WEIGHTS],
        },
    }


def routes(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """A route for each HTTP row, those with the fewest parameters first, then the catch-all."""
    ordered = sorted((row for row in rows if row.http), key=lambda row: (len(row.parameters), row.path, row.method))
    return [*(_route(row) for row in ordered), {"name": "unmatched", "match": {"prefix": "/"}, "route": _action()}]


_ESCAPED: Final = {
    "name": "escaped",
    "match": {"safe_regex": {"regex": ".*%2[fF].*"}},
    "direct_response": {"status": 404},
}
"""An escaped slash is none (RFC 3986, 2.2), and WSGI would show it as one: no row has such a path."""


def _route(row: Row) -> dict[str, Any]:
    # Like the functions, the edge takes HEAD for a GET whose body is not sent.
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
    action = _action() | (_RETRY if row.method == "GET" else {})
    return {"name": row.name, "match": {**path, "headers": [method]}, "route": action}


_RETRY: Final = {"retry_policy": {"retry_on": "connect-failure,refused-stream,reset-before-request", "num_retries": 1}}
"""For reads alone: a write that met a reset may have taken effect, and its caller has the idempotency key."""


def _action() -> dict[str, Any]:
    weights = [{"name": f"functions-{colour}", "weight": weight} for colour, weight in WEIGHTS.items()]
    return {"weighted_clusters": {"clusters": weights}, "timeout": TIMEOUT}


def coarse(limits: Iterable[Limit]) -> Rate:
    """What the edge lets through of one network address: as much as the functions admit in all profiles together.

    So it never refuses what they would serve; it keeps a flood away from them that they would refuse one by one.
    """
    rates = [limit.ip for limit in limits]
    return Rate(rate=sum(rate.rate for rate in rates), burst=sum(rate.burst for rate in rates))


def _connection_manager(rows: Iterable[Row], layout: Layout, limit: Rate) -> dict[str, Any]:
    manager = {
        "@type": f"{TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "edge",
        "server_name": "meridian",
        "use_remote_address": True,
        # A caller's request id is kept as it is, and one is made where there is none.
        "preserve_external_request_id": True,
        "request_id_extension": {
            "typed_config": {"@type": f"{TYPE}.request_id.uuid.v3.UuidRequestIdConfig", "pack_trace_reason": False}
        },
        "http_protocol_options": {
            "accept_http_10": True,
            "default_host_for_http_10": "localhost",
            "allow_custom_methods": True,
        },
        # An underscore becomes a hyphen on its way into WSGI, so such a header could pose as another.
        "common_http_protocol_options": {"headers_with_underscores_action": "DROP_HEADER", "idle_timeout": "300s"},
        "request_headers_timeout": "10s",
        "request_timeout": "30s",
        "route_config": {
            "name": "registry",
            "virtual_hosts": [{"name": "meridian", "domains": ["*"], "routes": [_ESCAPED, *routes(rows)]}],
        },
        "http_filters": [_limiter(limit), _header_filter(), _compressor(), _buffer_filter(), _router()],
        "local_reply_config": {"mappers": problems.mappers(layout.regions[0], layout.edge_url)},
        "access_log": [_access_log(str(layout.logs / "edge-access.log"))],
    }
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}


def _limiter(limit: Rate) -> dict[str, Any]:
    """A bucket for each network address; Cloud Armor does the same before the load balancer."""
    bucket = {"max_tokens": limit.burst, "tokens_per_fill": max(1, limit.rate // 10), "fill_interval": "0.1s"}
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    return {
        "name": "envoy.filters.http.local_ratelimit",
        "typed_config": {
            "@type": f"{TYPE}.filters.http.local_ratelimit.v3.LocalRateLimit",
            "stat_prefix": "edge_limit",
            "filter_enabled": always,
            "filter_enforced": always,
            "rate_limits": [{"actions": [{"remote_address": {}}]}],
            # Without a value it stands for every address, each with a bucket of its own.
            "descriptors": [{"entries": [{"key": "remote_address"}], "token_bucket": bucket}],
            "max_dynamic_descriptors": CALLERS,
        },
    }


def _header_filter() -> dict[str, Any]:
    """Takes away what only the edge may say, and Envoy's own headers that would change timeouts and retries."""
    removed = [{"remove_on_match": {"key_matcher": {"prefix": prefix}}} for prefix in ("x-meridian-", "x-envoy-")]
    marked = {"append": {"header": {"key": EDGE_HEADER, "value": "1"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
    return {
        "name": "envoy.filters.http.header_mutation",
        "typed_config": {
            "@type": f"{TYPE}.filters.http.header_mutation.v3.HeaderMutation",
            "mutations": {"request_mutations": [*removed, marked]},
        },
    }


def _buffer_filter() -> dict[str, Any]:
    """Takes in a whole request before it passes it on: a body that comes slowly would hold a thread of the host."""
    return {
        "name": "envoy.filters.http.buffer",
        "typed_config": {"@type": f"{TYPE}.filters.http.buffer.v3.Buffer", "max_request_bytes": BUFFERED_BYTES},
    }


def _compressor() -> dict[str, Any]:
    """Compresses what is worth it, for who accepts it; what has an ETag stays as it is, byte for byte."""
    return {
        "name": "envoy.filters.http.compressor",
        "typed_config": {
            "@type": f"{TYPE}.filters.http.compressor.v3.Compressor",
            "response_direction_config": {
                "common_config": {
                    "min_content_length": 1024,
                    "content_type": ["application/json", "application/problem+json", "text/html"],
                },
                "disable_on_etag_header": True,
            },
            "compressor_library": {
                "name": "gzip",
                "typed_config": {"@type": f"{TYPE}.compression.gzip.compressor.v3.Gzip"},
            },
        },
    }


def _router() -> dict[str, Any]:
    router = {"@type": f"{TYPE}.filters.http.router.v3.Router", "suppress_envoy_headers": True}
    return {"name": "envoy.filters.http.router", "typed_config": router}


def _access_log(path: str) -> dict[str, Any]:
    line = {
        "at": "%START_TIME%",
        "method": "%REQ(:METHOD)%",
        "path": "%PATH(NQ)%",  # a query may hold what is nobody's business
        "route": "%ROUTE_NAME%",
        "status": "%RESPONSE_CODE%",
        "flags": "%RESPONSE_FLAGS%",
        "duration_ms": "%DURATION%",
        "request_id": "%REQ(X-REQUEST-ID)%",
        "upstream": "%UPSTREAM_HOST%",
    }
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": f"{TYPE}.access_loggers.file.v3.FileAccessLog",
            "path": path,
            "log_format": {"json_format": line},
        },
    }


def _cluster(colour: str, layout: Layout) -> dict[str, Any]:
    """The functions hosts of every region in one colour: the first region takes all while it lives."""
    name = f"functions-{colour}"
    endpoints = [
        {
            "priority": priority,
            "locality": {"region": region},
            "lb_endpoints": [{"endpoint": {"address": _socket(layout.ports[functions_host(region)])}}],
        }
        for priority, region in enumerate(layout.regions)
    ]
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": endpoints,
            "policy": {"overprovisioning_factor": 100},
        },
        # Never send to a host that is known to be down, even when all are.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "health_checks": [_HEALTH_CHECK],
        "outlier_detection": _OUTLIERS,
        "circuit_breakers": {"thresholds": [{"max_connections": CONNECTIONS, "max_pending_requests": 4096}]},
        "typed_extension_protocol_options": {f"{TYPE.split('/')[1]}.upstreams.http.v3.HttpProtocolOptions": _UPSTREAM},
    }


_HEALTH_CHECK: Final = {
    "interval": "1s",
    "no_traffic_interval": "1s",
    "unhealthy_interval": "0.25s",
    # A busy host answers late; a dead one refuses at once. Only the second is to count quickly.
    "timeout": "5s",
    "unhealthy_threshold": 2,
    "healthy_threshold": 1,
    "http_health_check": {"path": "/health"},
}

_OUTLIERS: Final = {
    # A 503 of the application is an answer; only connections that fail speak against a host.
    "split_external_local_origin_errors": True,
    "consecutive_local_origin_failure": 2,
    "enforcing_consecutive_5xx": 0,
    "enforcing_consecutive_gateway_failure": 0,
    "enforcing_success_rate": 0,
    "enforcing_local_origin_success_rate": 0,
    "interval": "1s",
    "base_ejection_time": "1s",
    "max_ejection_time": "5s",
    "max_ejection_percent": 50,
}

_UPSTREAM: Final = {
    "@type": f"{TYPE}.upstreams.http.v3.HttpProtocolOptions",
    "explicit_http_config": {"http_protocol_options": {}},
    # granian closes a connection after 30 idle seconds: Envoy must do so first, or a request meets the closing.
    "common_http_protocol_options": {"idle_timeout": "10s"},
}


def _socket(port: int) -> Mapping[str, Any]:
    return {"socket_address": {"address": HOST, "port_value": port}}
