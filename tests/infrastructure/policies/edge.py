"""The load balancer's backends, its certificate and Cloud Armor."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from tests.infrastructure.policies import policy
from tests.infrastructure.policies.url_map import edge, row_of
from tests.infrastructure.resources import Resource
from tests.infrastructure.world import UNMATCHED, World, lifecycle

BACKEND: Final = "google_compute_backend_service"
GROUP: Final = "google_compute_region_network_endpoint_group"
QUOTA: Final = "google_cloud_quotas_quota_preference"

DEFAULT_QUOTAS: Final = {BACKEND: ("BACKEND-SERVICE", 50), GROUP: ("NETWORK-ENDPOINT-GROUP", 100)}
"""What a new project may have (November 2026), and a part of the quota's id: cloud.google.com/compute/quotas."""

TAKEN_BY_NO_SERVERLESS_BACKEND: Final = (
    "max_connections", "max_connections_per_endpoint", "max_connections_per_instance",
    "max_rate", "max_rate_per_endpoint", "max_rate_per_instance", "max_utilization",
)  # fmt: skip
SUCCESS_RATE: Final = ("enforcing_success_rate", "success_rate_minimum_hosts", "success_rate_request_volume")


def groups(world: World, backend: Resource) -> list[Resource]:
    """The network endpoint groups of a backend service."""
    found = (world.named(GROUP, each["group"]) for each in backend.values.get("backend") or ())
    return [group for group in found if group]


@policy
def every_public_row_has_one_backend_with_a_group_in_each_region(world: World) -> Iterator[str]:
    backends = Counter(row_of(world, each.values["id"]) for each in world.of(BACKEND))
    expected = Counter([*world.public(), UNMATCHED])
    if backends != expected:
        yield f"too many {dict(backends - expected)}, too few {dict(expected - backends)}"
    for backend in world.of(BACKEND):
        regions = sorted(group.values["region"] for group in groups(world, backend))
        if regions != sorted(world.registry.regions):
            yield f"{backend.name}: groups in {regions}"


@every_public_row_has_one_backend_with_a_group_in_each_region.broken_by
def a_region_less(world: World) -> None:
    world.one(BACKEND).values["backend"].pop()


@every_public_row_has_one_backend_with_a_group_in_each_region.broken_by
def users_sent_to_a_cell_that_is_a_guest(world: World) -> None:
    group = groups(world, world.one(BACKEND))[0]
    guest = next(site.suffix for site in world.sites() if site.region == group.values["region"] and site.suffix)
    group.values["cloud_run"][0]["service"] += guest


@every_public_row_has_one_backend_with_a_group_in_each_region.broken_by
def a_backend_twice(world: World) -> None:
    world.resources.append(world.one(BACKEND))


@policy
def serverless_backends_have_what_they_take(world: World) -> Iterator[str]:
    """No health check, timeout, utilization or ejection by success rate: the API refuses them."""
    for backend in world.of(BACKEND):
        if backend.values.get("health_checks"):
            yield f"{backend.name}: a health check"
        if backend.values.get("timeout_sec"):
            yield f"{backend.name}: a timeout"
        if backend.values.get("load_balancing_scheme") != "EXTERNAL_MANAGED":
            yield f"{backend.name}: {backend.values.get('load_balancing_scheme')}"
        detection = backend.block("outlier_detection")
        if any(detection.get(name) for name in SUCCESS_RATE):
            yield f"{backend.name}: ejection by success rate"
        for each in backend.values.get("backend") or ():
            if any(each.get(name) for name in TAKEN_BY_NO_SERVERLESS_BACKEND):
                yield f"{backend.name}: a limit of a backend"


@serverless_backends_have_what_they_take.broken_by
def a_health_check(world: World) -> None:
    world.one(BACKEND).values["health_checks"] = ["projects/p/global/healthChecks/ready"]


@serverless_backends_have_what_they_take.broken_by
def a_timeout(world: World) -> None:
    world.one(BACKEND).values["timeout_sec"] = 30


@serverless_backends_have_what_they_take.broken_by
def ejection_by_success_rate(world: World) -> None:
    world.one(BACKEND).values["outlier_detection"] = [{"enforcing_success_rate": 100}]


@policy
def quotas_are_requested(world: World) -> Iterator[str]:
    for kind, (part, default) in DEFAULT_QUOTAS.items():
        count = len(world.of(kind))
        asked = [
            int(each.block("quota_config")["preferred_value"])
            for each in world.of(QUOTA)
            if part in str(each.values.get("quota_id")).upper().replace("_", "-")
        ]
        if count > max([default, *asked]):
            yield f"{count} of {kind}, and {max(asked, default=0)} asked for"


@quotas_are_requested.broken_by
def a_quota_of_its_default(world: World) -> None:
    for each in world.of(QUOTA):
        each.values["quota_config"] = [{"preferred_value": "50"}]


@policy
def what_the_url_map_names_is_replaced_before_it_is_removed(world: World) -> Iterator[str]:
    found = {kind: [lifecycle(block) for of, _, block in world.blocks() if of == kind] for kind in (BACKEND, GROUP)}
    for kind, lifecycles in found.items():
        if not lifecycles or not all(each.get("create_before_destroy") == [True] for each in lifecycles):
            yield f"{kind}: no create_before_destroy"


@what_the_url_map_names_is_replaced_before_it_is_removed.broken_by
def destroyed_first(world: World) -> None:
    world.sources = {path: text.replace("create_before_destroy = true", "") for path, text in world.sources.items()}


@policy
def the_edge_speaks_tls_only(world: World) -> Iterator[str]:
    proxies = world.of("google_compute_target_https_proxy")
    policies = {each.values["id"]: each for each in world.of("google_compute_ssl_policy")}
    for proxy in proxies:
        tls = policies.get(str(proxy.values.get("ssl_policy")))
        if tls is None or tls.values.get("min_tls_version") not in ("TLS_1_2", "TLS_1_3"):
            yield f"{proxy.name}: older TLS than 1.2"
        if tls is not None and tls.values.get("profile") not in ("MODERN", "RESTRICTED", "FIPS_202205"):
            yield f"{proxy.name}: weak ciphers"
        if not (proxy.values.get("certificate_map") or proxy.values.get("ssl_certificates")):
            yield f"{proxy.name}: no certificate"
    if [proxy.values["url_map"] for proxy in proxies] != [edge(world).values["id"]]:
        yield "one HTTPS proxy serves the URL map of the registry"
    maps = {each.values["id"]: each for each in world.of("google_compute_url_map")}
    for proxy in world.of("google_compute_target_http_proxy"):
        redirect = maps[proxy.values["url_map"]].block("default_url_redirect")
        if not redirect.get("https_redirect") or maps[proxy.values["url_map"]].values.get("path_matcher"):
            yield f"{proxy.name}: plain HTTP is not redirected"


@the_edge_speaks_tls_only.broken_by
def an_old_tls(world: World) -> None:
    world.one("google_compute_ssl_policy").values["min_tls_version"] = "TLS_1_0"


@the_edge_speaks_tls_only.broken_by
def plain_http_served(world: World) -> None:
    world.one("google_compute_target_http_proxy").values["url_map"] = edge(world).values["id"]


@policy
def cloud_armor_guards_every_backend(world: World) -> Iterator[str]:
    guards = {each.values["id"]: each for each in world.of("google_compute_security_policy")}
    for backend in world.of(BACKEND):
        guard = guards.get(str(backend.values.get("security_policy")))
        if guard is None:
            yield f"{backend.name}: no security policy"
    for guard in guards.values():
        rules = guard.values.get("rule") or []
        throttles = [each for each in rules if each["action"] in ("throttle", "rate_based_ban")]
        if not throttles:
            yield f"{guard.name}: no rate limit"
        if not any("evaluatePreconfiguredWaf" in str(each.get("match")) for each in rules):
            yield f"{guard.name}: no preconfigured WAF rules"


@cloud_armor_guards_every_backend.broken_by
def an_unguarded_backend(world: World) -> None:
    world.one(BACKEND).values["security_policy"] = None


@policy
def the_cdn_caches_what_may_be_cached(world: World) -> Iterator[str]:
    rows = world.public()
    for backend in world.of(BACKEND):
        name = row_of(world, backend.values["id"])
        anonymous = name in rows and bool(rows[name].anonymous)
        cacheable = name in rows and "public" in (rows[name].cache + (rows[name].anonymous or ""))
        if bool(backend.values.get("enable_cdn")) != cacheable:
            yield f"{name}: {'not ' if cacheable else ''}cached"
        mode = backend.block("cdn_policy").get("cache_mode")
        if cacheable and mode != "USE_ORIGIN_HEADERS":
            yield f"{name}: cached by {mode}, not by what the function says"
        past = backend.block("cdn_policy").get("bypass_cache_on_request_headers") or []
        if ([each["header_name"] for each in past] == ["Authorization"]) != anonymous:
            yield f"{name}: who signs in is {'answered from the cache' if anonymous else 'kept from the cache'}"
        if ("Vary: Authorization" in (backend.values.get("custom_response_headers") or [])) != anonymous:
            yield f"{name}: a browser {'does not tell' if anonymous else 'tells'} who signed in from who did not"


@the_cdn_caches_what_may_be_cached.broken_by
def cached_orders(world: World) -> None:
    for backend in world.of(BACKEND):
        backend.values["enable_cdn"] = True


@the_cdn_caches_what_may_be_cached.broken_by
def users_answered_from_the_cache(world: World) -> None:
    for backend in world.of(BACKEND):
        for each in backend.values.get("cdn_policy") or ():
            each["bypass_cache_on_request_headers"] = []


@the_cdn_caches_what_may_be_cached.broken_by
def one_answer_for_everybody(world: World) -> None:
    for backend in world.of(BACKEND):
        backend.values["custom_response_headers"] = []
