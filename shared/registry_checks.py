"""What a registry must have beside the right types: rows that make sense, and names that are unique."""

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shared.registry import Deprecated, Registry, Row

PROCESSES: Final = ("rpc", "worker")
"""The scales of processes that are no functions: RPC hosts; relays, pollers and consumers."""


def check(registry: "Registry") -> None:
    """Check the whole registry. Raises ValueError, naming the row or entry."""
    for row in registry.operations.values():
        _check(row, registry)
        _check_reads(row, registry)
        _check_poll(row, registry)
        _check_instances(row, registry)
        _check_home(row)
    _check_cells(registry)
    _check_unique(registry)


def _check(row: "Row", registry: "Registry") -> None:
    """Check what types cannot express. Raises ValueError, naming the row."""
    triggers = [t for t in (row.http, row.rpc, row.event, row.schedule, row.poll_seconds) if t]
    if len(triggers) != 1:
        raise ValueError(f"{row.name}: one trigger, not {len(triggers)}")
    for service in (row.service, *row.callers):
        if service not in registry.services:
            raise ValueError(f"{row.name}: no service {service}")
    if row.http and (row.scope is None or not _limited(row, registry) or row.scale not in registry.scales):
        raise ValueError(f"{row.name}: an HTTP row names its scope, limit and scale")
    if row.gate and not (row.http or row.rpc):
        raise ValueError(f"{row.name}: only answers wait at the gate; what else leaves waits where it is sent")
    if row.session and row.scope in (None, "public"):
        raise ValueError(f"{row.name}: only who signed in has a session")
    if row.if_match and row.method not in ("PATCH", "PUT", "DELETE"):
        raise ValueError(f"{row.name}: only what changes a thing asks for its version")
    if (row.rpc and not row.callers) or (row.batch and not row.rpc):
        raise ValueError(f"{row.name}: an RPC row names its callers, and only RPCs are batched")
    if row.event and row.replay is None:
        raise ValueError(f"{row.name}: an event row says how it replays")
    if (row.event or row.schedule) and row.scale not in registry.scales:
        raise ValueError(f"{row.name}: an event or schedule row names its scale")
    if row.deprecated:
        _check_deprecated(row, row.deprecated, registry)
    if uncarried := {*row.emits, *(row.event or ())} - {each for t in registry.topics.values() for each in t.types}:
        raise ValueError(f"{row.name}: no topic carries {min(uncarried)}")


def _limited(row: "Row", registry: "Registry") -> bool:
    """Whether a route has a rate limit, or needs none: it is public and has no transaction."""
    return row.limit in registry.limits or (row.limit is None and (row.scope, row.transaction) == ("public", "none"))


def _check_deprecated(row: "Row", deprecated: "Deprecated", registry: "Registry") -> None:
    successor = registry.operations.get(deprecated.successor)
    alike = successor is not None and (successor.method, successor.scope) == (row.method, row.scope)
    if not alike or deprecated.sunset <= deprecated.since:
        raise ValueError(f"{row.name}: {deprecated.successor} cannot take its place")


def _check_reads(row: "Row", registry: "Registry") -> None:
    """Check that only suitable reads use a cache or a replica, or are for anybody. Raises ValueError."""
    closed = (None, "public", "signed_in", "operator")
    if row.anonymous and (not row.reads or row.scope in closed or row.home == "caller"):
        raise ValueError(f"{row.name}: only a read that has a scope, and whose home no caller decides, is for anybody")
    if row.cached and (row.cached not in registry.caches or row.transaction != "none" or len(row.parameters) != 1):
        raise ValueError(f"{row.name}: what is answered from a cache is one thing, read in no transaction")
    keeper = registry.operations.get(row.copied or "")
    if row.copied and not (row.replica and keeper and keeper.service == row.service and keeper.cells != "own"):
        raise ValueError(f"{row.name}: {row.copied} keeps no copies of other cells' data for it")
    if row.replica and not (row.eventual and registry.services[row.service].database and not row.emits):
        raise ValueError(f"{row.name}: only what reads a database, and writes nothing, reads from a replica")


def _check_poll(row: "Row", registry: "Registry") -> None:
    """Check that a polling row can run in its worker. Raises ValueError."""
    if bool(row.poll_seconds) != bool(row.worker):
        raise ValueError(f"{row.name}: a polling row names its worker, and no other row does")
    if row.worker == "relay" and row.secrets:
        raise ValueError(f"{row.name}: what holds secrets runs apart from the relay, in the poller")
    if row.worker and not registry.services[row.service].database:
        raise ValueError(f"{row.name}: a polling row has its lock in its service's database")


def _check_instances(row: "Row", registry: "Registry") -> None:
    """Check that a function has a scale of functions, and that only public routes fail over. Raises ValueError."""
    if row.scale and (row.scale in PROCESSES or not (row.http or row.event or row.schedule)):
        raise ValueError(f"{row.name}: {row.scale} is no scale of it")
    if row.failover and (not row.http or row.ingress or row.environment):
        raise ValueError(f"{row.name}: only what the load balancer serves everywhere fails over")
    if missing := sorted(set(PROCESSES) - set(registry.scales)):
        raise ValueError(f"scales lack {missing[0]}")


def _check_home(row: "Row") -> None:
    """Check that a row's home can be found, and that no write is made in a cell of chance. Raises ValueError."""
    if not row.http:
        if row.home or row.spans or row.merged or row.waits:
            raise ValueError(f"{row.name}: only HTTP rows have a home")
        return
    if row.home == "path" and not (row.parameters and row.parameters[0].endswith("_id")):
        raise ValueError(f"{row.name}: no id in its path says where its home is")
    if row.home in ("caller", "all") and row.scope == "public":
        raise ValueError(f"{row.name}: nobody knows who calls it")
    if row.home == "any" and row.scope != "public" and not row.reads:
        raise ValueError(f"{row.name}: what writes has a home")
    if row.home == "all" and not row.reads:
        raise ValueError(f"{row.name}: only reads are answered by all cells")
    if row.spans and (row.home != "caller" or not row.reads):
        raise ValueError(f"{row.name}: only a caller's list spans cells when it is asked to")
    if row.merged and not (row.home == "all" or row.spans):
        raise ValueError(f"{row.name}: nothing is merged that one cell answers")


def _check_cells(registry: "Registry") -> None:
    """Check that there are cells (a region may serve several), and who receives their events. Raises ValueError."""
    if not registry.cells:
        raise ValueError("cells: at least one")
    for row in registry.operations.values():
        if row.receiver and row.cells != "others":
            raise ValueError(f"{row.name}: only other cells' events are for one of several")
        if row.cells == "own":
            continue
        if not row.event:
            raise ValueError(f"{row.name}: only event rows receive other cells' events")
        if len({registry.services[registry.owner_of(each)].outbox for each in row.event}) > 1:
            raise ValueError(f"{row.name}: what is in Firestore all cells have, and the rest each has for itself")


def _check_unique(registry: "Registry") -> None:
    """Check that routes, RPCs and event types are unique. Raises ValueError."""
    answering: dict[str, str] = {}
    for row in registry.operations.values():
        trigger = row.http or row.rpc
        if trigger:
            owner = answering.setdefault(re.sub(r"{\w+}", "{}", trigger), row.name)
            if owner != row.name:
                raise ValueError(f"{row.name}: {trigger} is {owner}'s")
    for name, topic in registry.topics.items():
        if unknown := sorted({*topic.webhooks, *topic.kept} - set(topic.types)):
            raise ValueError(f"{name} tells of {unknown[0]}, which it does not carry")
        if handled := sorted(kept for kept in topic.kept if registry.consumers_of(kept)):
            raise ValueError(f"{name} keeps {handled[0]}, which {registry.consumers_of(handled[0])[0].name} handles")
    types = [event_type for topic in registry.topics.values() for event_type in topic.types]
    if len(set(types)) < len(types):
        raise ValueError(f"{next(t for t in types if types.count(t) > 1)}: one topic carries a type")
