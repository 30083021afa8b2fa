"""The edge: Envoy's configuration, its routes generated from the registry.

Envoy replaces Google's load balancer, which is Envoy as well. It routes by path template and method, by weights to the
colours of a rollout and by priorities to the regions. Requests that match no row go to the functions host too, whose
function `unmatched` returns the contract's problem. problems.py does the same for Envoy's own responses.

The configuration is JSON, not YAML: Envoy reads both, and JSON has no words that turn into booleans.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from emulators.stack.environment import Layout, functions_host
from emulators.stack.parts import problems
from emulators.stack.ports import HOST
from shared.registry import Limit, Rate, Row

WEIGHTS: Final = {"blue": 100}
"""The share of each colour in percent. A rollout adds a second colour and moves the weights."""

ROUTES: Final = "registry"
"""The name of the routes' configuration."""

TIMEOUT: Final = "30s"

CONNECTIONS: Final = 64
"""Connections to a functions host; further requests queue in Envoy. granian's --backpressure counts idle ones too."""

TYPE: Final = "type.googleapis.com/envoy.extensions"

BUFFERED_BYTES: Final = 16 * 1024 * 1024
"""The largest request body that the edge buffers. It refuses larger ones itself."""

CALLERS: Final = 10_000
"""How many network addresses have a rate-limit bucket at once; the least recently used is evicted."""


def configuration(rows: Iterable[Row], layout: Layout, limits: Iterable[Limit]) -> dict[str, Any]:
    """Envoy's bootstrap configuration for the HTTP rows of the registry and the limits of its profiles."""
    return {
        "node": {"id": "edge", "cluster": "meridian"},
        "admin": {"address": _socket(layout.ports["edge-admin"])},
        # Envoy's default limit is 100 instructions per pattern, which a counted repetition exceeds.
        "layered_runtime": {"layers": [{"name": "static", "static_layer": {"re2.max_program_size.error_level": 1000}}]},
        "static_resources": {
            "listeners": [
                {
                    "name": "edge",
                    "address": _socket(layout.ports["edge"]),
                    "filter_chains": [{"filters": [_connection_manager(rows, layout, per_address_limit(limits))]}],
                }
            ],
            "clusters": [cluster(colour, layout) for colour in WEIGHTS],
        },
    }


def route_configuration(rows: Iterable[Row], weights: Mapping[str, int] = WEIGHTS) -> dict[str, Any]:
    """All routes, to the colours by weight; they sum to more than 0."""
    hosts = [{"name": "meridian", "domains": ["*"], "routes": [_ESCAPED, *routes(rows, weights)]}]
    return {"name": ROUTES, "virtual_hosts": hosts}


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
    return {"name": row.name, "match": {**path, "headers": [method]}, "route": action}


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


def _connection_manager(rows: Iterable[Row], layout: Layout, limit: Rate) -> dict[str, Any]:
    manager = {
        "@type": f"{TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "edge",
        "server_name": "meridian",
        "use_remote_address": True,
        # A caller's request id is kept; one is generated if there is none.
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
        "route_config": route_configuration(rows),
        "http_filters": [_limiter(limit), _header_filter(), _compressor(), _buffer_filter(), _router()],
        "local_reply_config": {"mappers": problems.mappers(layout.regions[0], layout.edge_url)},
        "access_log": [_access_log(str(layout.logs / "edge-access.log"))],
    }
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}


def _limiter(limit: Rate) -> dict[str, Any]:
    """A token bucket per network address; in the cloud, Cloud Armor does this in front of the load balancer."""
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
            # Without a value it matches every address, each with a bucket of its own.
            "descriptors": [{"entries": [{"key": "remote_address"}], "token_bucket": bucket}],
            "max_dynamic_descriptors": CALLERS,
        },
    }


def _header_filter() -> dict[str, Any]:
    """Removes headers that only the edge may set, and Envoy's own that would change timeouts and retries."""
    removed = [{"remove_on_match": {"key_matcher": {"prefix": prefix}}} for prefix in ("x-meridian-", "x-envoy-")]
    return {
        "name": "envoy.filters.http.header_mutation",
        "typed_config": {
            "@type": f"{TYPE}.filters.http.header_mutation.v3.HeaderMutation",
            "mutations": {"request_mutations": removed},
        },
    }


def _buffer_filter() -> dict[str, Any]:
    """Buffers a whole request before forwarding it: a slowly sent body would occupy a thread of the host."""
    return {
        "name": "envoy.filters.http.buffer",
        "typed_config": {"@type": f"{TYPE}.filters.http.buffer.v3.Buffer", "max_request_bytes": BUFFERED_BYTES},
    }


def _compressor() -> dict[str, Any]:
    """Compresses large responses for clients that accept it, except those with an ETag, which stay byte for byte."""
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
        "path": "%PATH(NQ)%",  # queries may contain private data
        "route": "%ROUTE_NAME%",
        "status": "%RESPONSE_CODE%",
        "flags": "%RESPONSE_FLAGS%",
        "duration_ms": "%DURATION%",
        "request_id": "%REQ(X-REQUEST-ID)%",
        "upstream": "%UPSTREAM_HOST%",
        "cluster": "%UPSTREAM_CLUSTER%",
    }
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": f"{TYPE}.access_loggers.file.v3.FileAccessLog",
            "path": path,
            "log_format": {"json_format": line},
        },
    }


def cluster_name(colour: str) -> str:
    """The cluster of a colour, as the access log names it."""
    return f"functions-{colour}"


def cluster(colour: str, layout: Layout) -> dict[str, Any]:
    """The functions hosts of every region in one colour; the first region takes all traffic while it is healthy."""
    name = cluster_name(colour)
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
        # Never send to an unhealthy host, even when all are.
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
    # A busy host answers late, a dead one refuses connections at once; only the latter is to be noticed quickly.
    "timeout": "5s",
    "unhealthy_threshold": 2,
    "healthy_threshold": 1,
    "http_health_check": {"path": "/health"},
}

_OUTLIERS: Final = {
    # A 503 of the application is a response; only failed connections count against a host.
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
    # granian closes connections idle for 30 seconds: Envoy must do so earlier, or a request races with the close.
    "common_http_protocol_options": {"idle_timeout": "10s"},
}


def _socket(port: int) -> Mapping[str, Any]:
    return {"socket_address": {"address": HOST, "port_value": port}}
