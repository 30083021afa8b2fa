"""The load balancer's URL map: what Google's refuses although it plans, and that it serves what the registry says."""

import re
from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from shared.runtime.forwarding import hops
from shared.runtime.routes import Router
from tests.infrastructure.policies import policy
from tests.infrastructure.resources import Resource, Values
from tests.infrastructure.world import UNMATCHED, World

TEMPLATES_AT_MOST: Final = 100
PREDICATES_AT_MOST: Final = 1000
TEMPLATE_LENGTH_AT_MOST: Final = 255
WILDCARDS_AT_MOST: Final = 5
"""Of one path matcher and of one template: https://cloud.google.com/load-balancing/docs/quotas#url_maps."""

PATHS: Final = ("full_path_match", "path_template_match", "prefix_match", "regex_match")

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")

FOREIGN: Final = (
    "/",
    "/v1",
    "/v1/",
    "/v1/orders/",
    "/v1/orders//cancel",
    "/v1/orders/x/cancel/y",
    "/v1/local/faucet",
    "/v3/me",
    "/metrics",
    "/_probe/startup",
    "/_probe/live",
    "/_probe/ready",
    "/orders",
    "/v1/Orders",
)


def edge(world: World) -> Resource:
    """The URL map that serves the registry: the one with a path matcher."""
    return next(each for each in world.of("google_compute_url_map") if each.values.get("path_matcher"))


def rules(matcher: Values) -> list[Values]:
    """A matcher's rules, in the order in which they are tried."""
    return sorted(matcher.get("route_rules") or (), key=lambda rule: rule["priority"])


def conditions(matcher: Values) -> Iterator[tuple[Values, Values]]:
    """Every rule with each of its match rules."""
    for rule in rules(matcher):
        for match in rule.get("match_rules") or ():
            yield rule, match


def matchers(world: World) -> list[Values]:
    """The path matchers of the URL map."""
    return list(edge(world).values["path_matcher"])


@policy
def url_map_has_no_regular_expressions(world: World) -> Iterator[str]:
    for matcher in matchers(world):
        for rule, match in conditions(matcher):
            if match.get("regex_match") or any(each.get("regex_match") for each in match.get("header_matches") or ()):
                yield f"rule {rule['priority']}: a global external load balancer has none"


@url_map_has_no_regular_expressions.broken_by
def a_method_by_regular_expression(world: World) -> None:
    _, match = next(conditions(matchers(world)[0]))
    match["header_matches"] = [{"header_name": ":method", "regex_match": "GET|HEAD"}]


@policy
def url_map_is_within_its_limits(world: World) -> Iterator[str]:
    for matcher in matchers(world):
        found = [match for _, match in conditions(matcher)]
        templates = [match["path_template_match"] for match in found if match.get("path_template_match")]
        predicates = sum(
            1 + len(m.get("header_matches") or ()) + len(m.get("query_parameter_matches") or ()) for m in found
        )
        if len(templates) > TEMPLATES_AT_MOST:
            yield f"{len(templates)} templates"
        if predicates > PREDICATES_AT_MOST:
            yield f"{predicates} predicates"
        priorities = [rule["priority"] for rule in rules(matcher)]
        if len(set(priorities)) < len(priorities):
            yield "two rules of one priority"
        for template in templates:
            if len(template) > TEMPLATE_LENGTH_AT_MOST or template.count("*") > WILDCARDS_AT_MOST:
                yield f"{template} is too long"
            if not re.fullmatch(r"(/([A-Za-z0-9._~%!$&'()+,;=:@-]+|\*))+", template):
                yield f"{template} has more than literals and bare wildcards"
        for rule, match in conditions(matcher):
            if sum(bool(match.get(kind)) for kind in PATHS) != 1:
                yield f"rule {rule['priority']}: one way to match a path"


@url_map_is_within_its_limits.broken_by
def a_hundred_more_templates(world: World) -> None:
    rule = next(rule for rule, match in conditions(matchers(world)[0]) if match.get("path_template_match"))
    rule["match_rules"] *= TEMPLATES_AT_MOST


@url_map_is_within_its_limits.broken_by
def a_named_wildcard(world: World) -> None:
    found = (match for _, match in conditions(matchers(world)[0]) if match.get("path_template_match"))
    match = next(found)
    match["path_template_match"] = match["path_template_match"].replace("*", "{order_id}")


@policy
def what_only_services_say_comes_from_no_client(world: World) -> Iterator[str]:
    """The load balancer removes the headers of hops, wherever a request goes."""
    wanted = {hops.CELL, hops.EPOCH, hops.SECONDS, hops.AUTHORIZATION}
    for matcher in matchers(world):
        removed = {
            name for action in matcher.get("header_action") or () for name in action["request_headers_to_remove"]
        }
        if removed != wanted:
            yield f"{matcher['name']}: removes {sorted(removed)}"


@what_only_services_say_comes_from_no_client.broken_by
def a_header_that_is_let_through(world: World) -> None:
    matchers(world)[0]["header_action"][0]["request_headers_to_remove"].pop()


def _matches(match: Values, method: str, path: str) -> bool:
    """Whether a request meets a match rule: its path, and all headers."""
    if match.get("path_template_match"):
        pattern = re.escape(match["path_template_match"]).replace(r"\*", "[^/]+")
        met = re.fullmatch(pattern, path) is not None
    elif match.get("prefix_match"):
        met = path.startswith(match["prefix_match"])
    else:
        met = path == match.get("full_path_match")
    return met and all(_has(header, method) for header in match.get("header_matches") or ())


def _has(header: Values, method: str) -> bool:
    assert header["header_name"] == ":method", header
    return bool((header.get("exact_match") == method) != bool(header.get("invert_match")))


def routed(world: World, method: str, path: str) -> str:
    """The id of the backend service that the URL map sends a request to."""
    values = edge(world).values
    assert [rule["hosts"] for rule in values["host_rule"]] == [["*"]] or len(values["path_matcher"]) == 1
    matcher = values["path_matcher"][0]
    for rule in rules(matcher):
        if any(_matches(match, method, path) for match in rule["match_rules"]):
            return str(rule.get("service") or _weighted(rule))
    return str(matcher["default_service"])


def _weighted(rule: Values) -> Any:
    return rule["route_action"][0]["weighted_backend_services"][0]["backend_service"]


def row_of(world: World, backend: str) -> str:
    """The row that a backend service serves, by the Cloud Run services behind it."""
    service = world.named("google_compute_backend_service", backend)
    assert service, backend
    names = set()
    for each in service.values["backend"]:
        group = world.named("google_compute_region_network_endpoint_group", each["group"])
        names.add(group.block("cloud_run")["service"] if group else "")
    return next((p.of for p in world.processes("function") if {p.resource.name} == names), f"{sorted(names)}")


@policy
def routes_are_those_of_the_registry(world: World) -> Iterator[str]:
    router = Router(world.public().values())
    serving = {
        each.values["id"]: row_of(world, each.values["id"]) for each in world.of("google_compute_backend_service")
    }
    written = {row.path for row in world.public().values()}
    filled = {re.sub(r"{\w+}", value, path) for path, value in product(written, ("x1", "quote"))}
    for path, method in product([*sorted(filled), *FOREIGN], METHODS):
        row = router.match(method, path)
        found, expected = serving[routed(world, method, path)], row.name if row else UNMATCHED
        if found != expected:
            yield f"{method} {path} goes to {found}, not to {expected}"


@routes_are_those_of_the_registry.broken_by
def a_route_less(world: World) -> None:
    matchers(world)[0]["route_rules"].pop()


@routes_are_those_of_the_registry.broken_by
def two_services_exchanged(world: World) -> None:
    first, second = rules(matchers(world)[0])[:2]
    first["service"], second["service"] = second["service"], first["service"]


@routes_are_those_of_the_registry.broken_by
def head_without_a_rule(world: World) -> None:
    for matcher in matchers(world):
        for rule in matcher["route_rules"]:
            kept = [m for m in rule["match_rules"] if "HEAD" not in [h.get("exact_match") for h in m["header_matches"]]]
            rule["match_rules"] = kept


@routes_are_those_of_the_registry.broken_by
def templates_before_literals(world: World) -> None:
    for matcher in matchers(world):
        for rule in matcher["route_rules"]:
            rule["priority"] = 100_000 - rule["priority"]
