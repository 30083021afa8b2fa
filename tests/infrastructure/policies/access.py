"""Who may do what: exactly what roles.yaml says, account by account."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import yaml

from tests.infrastructure.policies import policy
from tests.infrastructure.resources import Resource
from tests.infrastructure.world import World, account_of

ROLES: Final = Path(__file__).parent / "roles.yaml"

GRANT: Final = re.compile(r"google_(\w+)_iam_(member|binding)")

TARGETS: Final = (
    "topic", "subscription", "secret_id", "crypto_key_id", "key_ring_id", "service_account_id", "bucket", "repository",
    "attestor", "note", "name",
)  # fmt: skip
"""The arguments that name what a grant is on."""

PRIMITIVE: Final = ("roles/owner", "roles/editor")
ADMIN: Final = re.compile(r"admin|owner", re.I)
APPLIER: Final = "build-applier"
"""The account that applies what a person has approved; it alone administers services of the project."""

HARMLESS: Final = ("roles/ondemandscanning.admin",)
"""Administers nothing but the scans of images that it starts itself; there is no narrower role."""

EVERYBODY: Final = ("allUsers", "allAuthenticatedUsers")

Table = dict[str, list[str]]


def grants(world: World) -> Iterator[tuple[str, str, str]]:
    """Every grant: the member, the role, and on what, with the title of its condition."""
    for each in world.resources:
        kind = GRANT.fullmatch(each.type)
        if kind:
            members = each.values.get("members") or [each.values.get("member")]
            for member in members:
                condition = each.block("condition").get("title")
                target = _target(each, kind[1]) + (f" ({condition})" if condition else "")
                yield str(member), str(each.values["role"]), target


def _target(grant: Resource, kind: str) -> str:
    """What a grant is on: the project, or a kind of resource with its name."""
    if kind == "project":
        return "project"
    named = next(str(grant.values[name]) for name in TARGETS if grant.values.get(name))
    return f"{kind.replace('_', ' ')} {named.rpartition('/')[2].partition('@')[0]}"


def table(world: World) -> Table:
    """The grants by account, with regions, cells and the project left open."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    regions = "|".join(world.registry.regions)
    cells = rf"-(?:{'|'.join(world.registry.cells)})\b"  # also where it tells a process from another cell's
    for member, role, target in grants(world):
        name = re.sub(r"@[a-z0-9-]+\.iam\.gserviceaccount\.com$", "", member.removeprefix("serviceAccount:"))
        left_open = re.sub(cells, "-{cell}", re.sub(regions, "{region}", f"{role} on {target}"))
        found[re.sub(r"\d{6,}", "{number}", name)].add(left_open)
    return {name: sorted(roles) for name, roles in sorted(found.items())}


@policy
def accounts_have_exactly_their_roles(world: World) -> Iterator[str]:
    """roles.yaml is a copy to review: `make infra ARGS=--accept-roles` writes it anew."""
    accepted = yaml.safe_load(ROLES.read_text(encoding="utf-8")) if ROLES.exists() else {}
    found = table(world)
    for name in sorted({*accepted, *found}):
        more, less = (
            set(found.get(name, ())) - set(accepted.get(name, ())),
            set(accepted.get(name, ())) - set(found.get(name, ())),
        )
        if more:
            yield f"{name} also has {', '.join(sorted(more))}"
        if less and world.environment == "production":
            yield f"{name} lacks {', '.join(sorted(less))}"


@accounts_have_exactly_their_roles.broken_by
def one_more_role(world: World) -> None:
    grant = world.one("google_project_iam_member")
    world.resources.append(Resource("more", grant.type, {**grant.values, "role": "roles/pubsub.admin"}))


@accounts_have_exactly_their_roles.broken_by
def one_role_less(world: World) -> None:
    world.resources.remove(world.one("google_project_iam_member"))


@policy
def nobody_has_everything_and_everybody_nothing(world: World) -> Iterator[str]:
    for member, role, target in grants(world):
        administers = ADMIN.search(role) and target.startswith("project") and role not in HARMLESS
        if role in PRIMITIVE or (administers and account_of(member) != APPLIER):
            yield f"{member} has {role} on {target}"
        if member in EVERYBODY:
            yield f"everybody has {role} on {target}"
    for each in world.of("google_service_account_key"):
        yield f"{each.address}: a key that can leak"


@nobody_has_everything_and_everybody_nothing.broken_by
def an_owner(world: World) -> None:
    world.one("google_project_iam_member").values["role"] = "roles/owner"


@nobody_has_everything_and_everybody_nothing.broken_by
def everybody(world: World) -> None:
    world.one("google_project_iam_member").values["member"] = "allUsers"


def accept(world: World) -> None:
    """Write roles.yaml anew, for a person to review."""
    head = "# What each account may do, as accepted in a review: see access.py, and `make infra ARGS=--accept-roles`.\n"
    ROLES.write_text(head + yaml.safe_dump(table(world), width=120), encoding="utf-8")
