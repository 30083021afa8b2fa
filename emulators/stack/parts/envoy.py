"""Envoy's vocabulary: the listeners, filters and clusters that the edges of the stack are made of.

The configuration is JSON, not YAML: Envoy reads both, and JSON has no words that turn into booleans.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from emulators.stack.parts import problems
from emulators.stack.ports import HOST
from shared.registry import Rate
from shared.telemetry.spans import EDGE_BEGAN

TYPE: Final = "type.googleapis.com/envoy.extensions"

ROUTES: Final = "registry"
"""The name of an edge's routes."""

BUFFERED_BYTES: Final = 16 * 1024 * 1024
"""The largest request body that an edge buffers. It refuses larger ones itself."""

CALLERS: Final = 10_000
"""How many network addresses have a rate-limit bucket at once; the least recently used is evicted."""

HEALTH_CHECK: Final = {
    "interval": "1s",
    "no_traffic_interval": "1s",
    "unhealthy_interval": "0.25s",
    # A busy host answers late, a dead one refuses connections at once; only the latter is to be noticed quickly.
    "timeout": "5s",
    "unhealthy_threshold": 2,
    "healthy_threshold": 1,
    "http_health_check": {"path": "/health"},
}

OUTLIERS: Final = {
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

UPSTREAM: Final = {
    f"{TYPE.split('/')[1]}.upstreams.http.v3.HttpProtocolOptions": {
        "@type": f"{TYPE}.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http_protocol_options": {}},
        # granian closes connections idle for 30 seconds: Envoy must do so earlier, or a request races with the close.
        "common_http_protocol_options": {"idle_timeout": "10s"},
    }
}


def bootstrap(name: str, resources: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The configuration of one Envoy, with its static resources."""
    return {
        "node": {"id": name, "cluster": "meridian"},
        # Envoy's default limit is 100 instructions per pattern, which a counted repetition exceeds.
        "layered_runtime": {"layers": [{"name": "static", "static_layer": {"re2.max_program_size.error_level": 1000}}]},
        "static_resources": resources,
        **more,
    }


def listener(name: str, port: int, network_filter: Mapping[str, Any]) -> dict[str, Any]:
    """A listener on a loopback port."""
    return {"name": name, "address": socket(port), "filter_chains": [{"filters": [network_filter]}]}


def cluster(name: str, endpoints: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    """A cluster with fixed endpoints."""
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
        **more,
    }


def locality(region: str, ports: Sequence[int], priority: int = 0) -> dict[str, Any]:
    """The endpoints of a region. priority: 0 takes all traffic while it is healthy, then 1, and so on."""
    hosts = [{"endpoint": {"address": socket(port)}} for port in ports]
    return {"priority": priority, "locality": {"region": region}, "lb_endpoints": hosts}


def socket(port: int) -> Mapping[str, Any]:
    """A loopback address."""
    return {"socket_address": {"address": HOST, "port_value": port}}


def connection_manager(
    routes: Sequence[Mapping[str, Any]],
    filters: Sequence[Mapping[str, Any]],
    answers_as: tuple[str, str],
    log_file: str,
    *,
    outermost: bool = True,
) -> dict[str, Any]:
    """The network filter that speaks HTTP.

    filters: before the router. answers_as: the region that Envoy's own responses name, and the public URL.
    outermost: whether clients connect to it; otherwise another edge does, which has noted who they are.
    """
    manager = {
        "@type": f"{TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "edge",
        "server_name": "meridian",
        "use_remote_address": outermost,
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
        "route_config": route_configuration(routes),
        "http_filters": [*filters, router()],
        "local_reply_config": {"mappers": problems.mappers(*answers_as)},
        "access_log": [access_log(log_file)],
    }
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}


def route_configuration(routes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Routes for every host name."""
    began = {
        "header": {"key": EDGE_BEGAN, "value": "%START_TIME(%s.%6f)%"},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }
    hosts = [{"name": "meridian", "domains": ["*"], "routes": routes}]
    return {"name": ROUTES, "virtual_hosts": hosts, "request_headers_to_add": [began]}


def at_the_door(limit: Rate) -> list[dict[str, Any]]:
    """The filters of an edge that clients connect to. limit: of requests from one network address."""
    return [limiter(limit), header_filter()]


def limiter(limit: Rate) -> dict[str, Any]:
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


def header_filter() -> dict[str, Any]:
    """Removes headers that only the edge may set, and Envoy's own that would change timeouts and retries."""
    removed = [{"remove_on_match": {"key_matcher": {"prefix": prefix}}} for prefix in ("x-meridian-", "x-envoy-")]
    return {
        "name": "envoy.filters.http.header_mutation",
        "typed_config": {
            "@type": f"{TYPE}.filters.http.header_mutation.v3.HeaderMutation",
            "mutations": {"request_mutations": removed},
        },
    }


def buffer_filter() -> dict[str, Any]:
    """Buffers a whole request before forwarding it: a slowly sent body would occupy a thread of the host."""
    return {
        "name": "envoy.filters.http.buffer",
        "typed_config": {"@type": f"{TYPE}.filters.http.buffer.v3.Buffer", "max_request_bytes": BUFFERED_BYTES},
    }


def compressor() -> dict[str, Any]:
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


def router() -> dict[str, Any]:
    router = {"@type": f"{TYPE}.filters.http.router.v3.Router", "suppress_envoy_headers": True}
    return {"name": "envoy.filters.http.router", "typed_config": router}


def access_log(path: str) -> dict[str, Any]:
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
