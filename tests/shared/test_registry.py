"""The registry is read strictly: misspelt, duplicate or missing entries fail the build, not production."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from shared import registry_file
from shared.registry import PATH, Registry, load
from shared.strict_yaml import parse

Change = Callable[[dict[str, Any]], Any]

GET = {"service": "order", "http": "GET /v1/things", "scope": "order:read", "limit": "read", "scale": "read"}
OLD = {"since": date(2026, 11, 23), "sunset": date(2028, 11, 23)}


@pytest.fixture
def document() -> dict[str, Any]:
    """The real registry, to be spoilt in one place."""
    read: dict[str, Any] = parse(PATH.read_text(encoding="utf-8"))
    return read


def reread(document: dict[str, Any], folder: Path) -> Registry:
    """The registry of a document."""
    path = folder / "registry.yaml"
    path.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper), encoding="utf-8")
    return load(path)


def with_row(**row: Any) -> Change:
    """A registry with one row more, `thing`."""
    return lambda document: document["operations"].update(thing=row)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.update(more={}), "unknown field `more`"),
        (lambda d: d["services"]["order"].update(databse=True), "unknown field `databse`"),
        (lambda d: d["operations"]["get_order"].update(scopes="order:read"), "unknown field `scopes`"),
        (lambda d: d["topics"]["order-events"].update(type=[]), "unknown field `type`"),
        (lambda d: d["limits"]["read"].update(region={}), "unknown field `region`"),
        (lambda d: d["scales"]["purchase"].update(memory=1), "unknown field `memory`"),
        (lambda d: d["database"].update(tier="large"), "unknown field `tier`"),
        (lambda d: d["cells"].update(US="us-central1"), "matching regex"),
        (lambda d: d["cells"].update(us02="us-central1"), "matching regex"),
        (lambda d: d["cells"].update(us="Iowa"), "matching regex"),
        (with_row(**GET, failover="maybe"), "Expected `bool`"),
        (lambda d: d["scales"]["purchase"].pop("pool"), "required field `pool`"),
        (lambda d: d["scales"]["purchase"].update(pool="many"), "Expected `int`"),
        (lambda d: d.pop("limits"), "required field `limits`"),
        (lambda d: d["services"]["order"].update(outbox="kafka"), "Invalid enum value 'kafka'"),
        (with_row(**GET, transaction="two"), "Invalid enum value 'two'"),
        (with_row(**GET, idempotency="optional"), "Invalid enum value 'optional'"),
        (with_row(**GET, environment="staging"), "Invalid enum value 'staging'"),
        (with_row(**GET, emits=["Order Placed"]), "matching regex"),
        (with_row(**GET, replica="maybe"), "Invalid enum value 'maybe'"),
        (lambda d: d["caches"]["order"].update(seconds="long"), "Expected `float`"),
    ],
)
def test_what_does_not_fit_a_type_is_refused(
    change: Change, says: str, document: dict[str, Any], tmp_path: Path
) -> None:
    """An unknown key, a missing one or a wrong value is an error that names it."""
    change(document)
    with pytest.raises(msgspec.ValidationError, match=says):
        reread(document, tmp_path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (with_row(service="order", scale="event"), "thing: one trigger, not 0"),
        (with_row(**GET, schedule="* * * * *"), "thing: one trigger, not 2"),
        (with_row(**GET, event=["order.paid"], replay="fill"), "thing: one trigger, not 2"),
        (with_row(**{**GET, "service": "gifts"}), "thing: no service gifts"),
        *[
            (with_row(**{name: value for name, value in GET.items() if name != missing}), "thing: an HTTP row names")
            for missing in ("scope", "limit", "scale")
        ],
        (with_row(**{**GET, "limit": "huge"}), "thing: an HTTP row names"),
        (with_row(**{**GET, "scale": "huge"}), "thing: an HTTP row names"),
        (with_row(**{**GET, "scope": "public"}, session="checked"), "thing: only who signed in has a session"),
        (
            with_row(service="order", rpc="Order.Tell", callers=["wallet"], session="checked"),
            "thing: only who signed in has a session",
        ),
        (with_row(service="order", rpc="Order.Tell"), "thing: an RPC row names its callers"),
        (with_row(service="order", rpc="Order.Tell", callers=["gifts"]), "thing: no service gifts"),
        (
            with_row(service="order", event=["order.paid"], scale="event"),
            "thing: an event row says how it replays",
        ),
        (with_row(service="order", event=["order.paid"], replay="fill"), "thing: .* names its scale"),
        (with_row(service="order", schedule="* * * * *"), "thing: .* names its scale"),
        (with_row(service="order", poll_seconds=2), "thing: a polling row names its worker"),
        (with_row(service="order", schedule="* * * * *", scale="schedule", worker="relay"), "thing: a polling row"),
        (with_row(**GET, poll_seconds=2, worker="relay"), "thing: one trigger, not 2"),
        (
            with_row(service="order", poll_seconds=2, worker="relay", secrets=["treasury_key"]),
            "thing: what holds secrets runs apart from the relay",
        ),
        (with_row(service="identity", poll_seconds=2, worker="poller"), "thing: a polling row has its lock in"),
        (with_row(**{**GET, "scale": "rpc"}), "thing: rpc is no scale of it"),
        (with_row(service="order", poll_seconds=2, worker="relay", scale="worker"), "thing: worker is no scale of it"),
        (with_row(**GET, failover=True, ingress="internal"), "thing: only what the load balancer serves"),
        (
            with_row(service="order", schedule="* * * * *", scale="schedule", failover=True),
            "thing: only what the load balancer serves",
        ),
        (lambda d: d["scales"].pop("worker"), "scales lack worker"),
        (lambda d: d["cells"].clear(), "cells: at least one"),
        (with_row(**GET, emits=["order.lost"]), "thing: no topic carries order.lost"),
        (with_row(**GET, cached="order", transaction="none"), "thing: .* is one thing, read in no transaction"),
        (with_row(**{**GET, "http": "GET /v1/things/{id}"}, cached="order"), "thing: .* is one thing"),
        (with_row(**GET, replica="allowed", emits=["order.paid"]), "thing: only what reads a database"),
        (with_row(**{**GET, "service": "supply"}, copied="replicate_supply"), "thing: .* keeps no copies"),
        (with_row(**GET, replica="allowed", copied="replicate_supply"), "thing: .* keeps no copies"),
        (with_row(**GET, replica="allowed", copied="record_payment"), "thing: .* keeps no copies"),
        (with_row(**GET, replica="allowed", copied="missing"), "thing: missing keeps no copies"),
        (with_row(**{**GET, "scope": "public"}, replica="allowed"), "thing: only what reads a database"),
        (with_row(service="order", event=["order.lost"], replay="fill", scale="event"), "thing: no topic carries"),
        (lambda d: d["topics"]["claim-events"]["types"].append("order.paid"), "order.paid: one topic carries a type"),
        (with_row(**GET, deprecated={**OLD, "successor": "lost"}), "thing: lost cannot take its place"),
        (with_row(**GET, deprecated={**OLD, "successor": "create_order"}), "thing: create_order cannot take its place"),
        (
            with_row(**GET, deprecated={**OLD, "successor": "get_order", "sunset": date(2026, 11, 23)}),
            "thing: get_order cannot take its place",
        ),
        (with_row(service="order", rpc="Order.Decide", callers=["supply"]), "thing: Order.Decide is decide_orders's"),
        (
            with_row(service="order", event=["order.paid", "user.created"], replay="fill", scale="event", cells="all"),
            "thing: what is in Firestore all cells have",
        ),
        (with_row(**GET, cells="others"), "thing: only event rows receive other cells' events"),
        (with_row(**GET, home="path"), "thing: no id in its path says where its home is"),
        (with_row(**{**GET, "http": "GET /v1/things/{name}"}), "thing: no id in its path says where its home is"),
        (with_row(**GET, anonymous="public", home="caller"), "thing: only a read that has a scope"),
        (with_row(**{**GET, "scope": "public"}, anonymous="public"), "thing: only a read that has a scope"),
        (with_row(**{**GET, "scope": "public"}, home="caller"), "thing: nobody knows who calls it"),
        (with_row(**{**GET, "scope": "public"}, home="all"), "thing: nobody knows who calls it"),
        (with_row(**{**GET, "http": "POST /v1/things"}, home="any"), "thing: what writes has a home"),
        (with_row(**{**GET, "http": "POST /v1/things"}, home="all"), "thing: only reads are answered by all cells"),
        (with_row(**GET, home="any", spans="all"), "thing: only a caller's list spans cells"),
        (with_row(**GET, merged=["id"]), "thing: nothing is merged that one cell answers"),
        (
            with_row(service="order", schedule="* * * * *", scale="schedule", home="caller"),
            "thing: only HTTP rows have a home",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(change: Change, says: str, document: dict[str, Any], tmp_path: Path) -> None:
    """A row has one trigger, a service that exists, what its trigger needs, and types that a topic carries."""
    change(document)
    with pytest.raises(ValueError, match=says):
        reread(document, tmp_path)


def test_every_route_has_a_home() -> None:
    """By the path's id, or by the caller; only these rows say otherwise, and public ones are answered anywhere."""
    rows = load().http_rows()
    assert {row.name: row.home for row in rows if row.home != row.usual_home} == {
        "read_me": "any",
        "read_profile": "any",
        "list_activity": "any",
        "list_supplies": "all",
        "list_parked": "all",
        "list_cells": "any",
        "read_overview": "all",
        "browse_orders": "all",
        "browse_wallets": "all",
        "browse_webhooks": "all",
        "audit": "all",
        "check_eligibility": "caller",
    }
    assert {row.name for row in rows if row.home == "any" and not row.reads} == {
        "create_local_token",
        "issue_nonce",
        "sign_in",
        "refresh_session",
        "sign_out",
    }
    assert {row.name: row.spans for row in rows if row.spans} == {"list_orders": "merchant"}
    assert all(row.home is None for row in load().rows.values() if not row.http)


def test_a_region_may_serve_several_cells(document: dict[str, Any], tmp_path: Path) -> None:
    """The first one is what its processes serve unless they are told otherwise."""
    document["cells"].update(us2="us-central1")
    registry = reread(document, tmp_path)
    assert sorted(registry.regions) == sorted(load().regions)
    assert registry.cell_of("us-central1") == "us"
    with pytest.raises(KeyError, match="mars"):
        registry.cell_of("mars")


def test_a_row_says_whose_events_it_receives() -> None:
    """Those of its own cell unless it says otherwise; of others only where there are any."""
    row = load().rows["capture_hold"]
    assert (row.cells, row.sources("us", ["eu", "as"])) == ("own", ["us"])
    named = {kind: msgspec.structs.replace(row, cells=kind) for kind in ("others", "all")}
    assert named["others"].sources("us", ["eu", "as"]) == ["eu", "as"]
    assert named["all"].sources("us", ["eu", "as"]) == ["us", "eu", "as"]
    assert (named["others"].sources("us", []), named["all"].sources("us", [])) == ([], ["us"])


def test_no_two_rows_share_a_name(tmp_path: Path) -> None:
    """YAML would let the second of two rows win in silence."""
    text = PATH.read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.strip().startswith("get_order:"))
    path = tmp_path / "registry.yaml"
    path.write_text(f"{text}\n{row}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="get_order"):
        load(path)


def test_a_route_answers_once(document: dict[str, Any], tmp_path: Path) -> None:
    """Two rows with the same method and path, whatever their parameters are called, are refused."""
    with_row(**{**GET, "http": "GET /v1/orders/{thing_id}"})(document)
    with pytest.raises(ValueError, match=r"thing: GET /v1/orders/\{thing_id\} is get_order's"):
        reread(document, tmp_path)


def test_a_row_tells_of_itself() -> None:
    """Method, path, parameters and names derive from its one line."""
    rows = load().rows
    assert (rows["cancel_order"].method, rows["cancel_order"].path) == ("POST", "/v1/orders/{order_id}/cancel")
    assert rows["cancel_order"].parameters == ["order_id"]
    assert all(row.name == name for name, row in rows.items())


def test_what_moves_money_asks_for_a_living_session() -> None:
    """So does what signs vouchers, links addresses or changes rights: a token alone could be a stolen one."""
    keyed = {name for name, row in load().rows.items() if row.idempotency and not row.environment}
    checked = {name for name, row in load().rows.items() if row.session}
    assert checked >= keyed | {"cancel_order", "create_claim", "close_wallet", "grant_roles"}


def test_a_type_has_a_topic_and_an_owner() -> None:
    """Each event type has its topic and the service that can serve its stream."""
    registry = load()
    assert registry.topic_of("order.paid") == "order-events"
    assert registry.owner_of("order.paid") == "order"
    with pytest.raises(KeyError):
        registry.topic_of("order.lost")


def test_every_host_with_events_or_an_inbox_serves_them() -> None:
    """Gaps are filled from the service that owns a stream, and parked events are managed where their consumer is."""
    registry = load()
    for name, service in registry.services.items():
        hosted = {row.name for row in registry.hosted_rpcs(name)}
        expected = service.outbox is not None or service.database or name == "platform"
        assert ("read_events" in hosted, "list_parked_streams" in hosted) == (expected, expected)
        assert {row.name for row in registry.of(name) if row.rpc} <= hosted


def test_what_others_act_on_waits_at_the_gate() -> None:
    """Answers that outlive a failover in somebody's hands; events, webhooks and the like wait where they are sent."""
    assert {name: row.gate for name, row in load().rows.items() if row.gate} == {
        "create_claim": "voucher",
        "get_claim": "voucher",
        "list_claims": "voucher",
        "get_receipt": "receipt",
        "get_deposit_address": "deposit address",
        "create_withdrawal": "withdrawal",
        "grant_units": "grant",
        "close_quota": "grant",
        "claim_deposits": "deposit",
        "read_events": "read",
        "list_streams": "read",
    }


def test_the_compiled_registry_says_what_the_yaml_says() -> None:
    yaml = PATH.read_bytes()
    assert registry_file.compiled(PATH, yaml) == registry_file.parse(yaml.decode()) == load()


def test_a_changed_yaml_is_read_in_place_of_its_old_compiled_form(tmp_path: Path) -> None:
    path = tmp_path / "registry.yaml"
    path.write_bytes(PATH.read_bytes())
    path.with_suffix(".json").write_bytes(registry_file.compile_file(path))
    assert load(path).database.share == 0.8
    old = path.read_text(encoding="utf-8")
    path.write_text(old.replace("share: 0.8}", "share: 0.4}", 1), encoding="utf-8")
    assert registry_file.compiled(path, path.read_bytes()) is None
    assert load.__wrapped__(path).database.share == 0.4
