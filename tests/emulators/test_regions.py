"""A stack of several regions: what it consists of, before anything of it runs."""

import subprocess
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from emulators.stack import binaries, environment, ports, programs, services, sites
from emulators.stack.environment import Layout
from emulators.stack.errors import StackError
from emulators.stack.parts import edges, global_edge, links, subscriptions
from emulators.stack.parts.postgres import Cluster
from emulators.stack.ports import Ports, functions_host, inner, link, regional_edge
from emulators.stack.regions.troubles import Troubles
from emulators.stack.sites import NEARNESS, Site
from emulators.stack.stack import REGIONS
from emulators.stack.supervisor import EDGE, WARM, Program
from shared.config import read
from shared.registry import load
from tests.emulators.conftest import ASIA, EUROPE, THREE, US, layout_of

OWN_STORES = {"postgres", "valkey"}
STANDBY_OF = {US: "as", EUROPE: "us", ASIA: "eu"}
SHARED = {"edge", "pubsub", "firestore", "chain"}
WAIT_WARM = ("functions", "rpc", "keeper")
"""What a cell has where it may be promoted to, beside its stores."""


def programs_of(layout: Layout) -> dict[str, Program]:
    """Every program of a stack."""
    cluster = Cluster(Path("/opt/postgres"), layout.state / "postgres" / "data", None)
    return programs.for_stack(load(), layout, binaries.find(), cluster, None)


def test_each_cell_has_processes_and_stores_of_its_own(three: Layout) -> None:
    """Every region has the same programs, and outside of them there is only what all share."""
    made = programs_of(three)
    assert {name for name, program in made.items() if program.region is None} == SHARED | {"warmer"}
    serving = {name: program for name, program in made.items() if program.region and program.stage != WARM}
    kinds: dict[str, set[str]] = {}
    for site in three.sites:
        own = [name for name, program in serving.items() if program.region == site.region]
        kinds[site.name] = {name.removesuffix(f"-{site.name}").removesuffix(f"-{site.cell}") for name in own}
        hosts = {"functions", "events", "rpc", f"postgres-{STANDBY_OF[site.region]}"}
        assert kinds[site.name] == {*OWN_STORES, *hosts, "edge", "keeper", "workers", "topics", "scheduler"}
    assert len(serving) == sum(len(kind) for kind in kinds.values())


def test_what_serves_a_cell_waits_where_it_may_be_promoted_to(three: Layout) -> None:
    """With the command and the environment that it has after the promotion, which does not restart it.

    What works by itself does not wait there.
    """
    made, cluster = programs_of(three), Cluster(Path("/opt/postgres"), three.state / "postgres" / "data", None)
    for site in three.standbys:
        warm = {name for name, each in made.items() if each.stage == WARM and name.endswith(f"-{site.name}")}
        assert warm == {f"{kind}-{site.name}" for kind in WAIT_WARM}
        cache = three.store("valkey", site)
        assert (made[cache].stage, made[cache].region) == (WARM, site.region)
        moved = programs.for_stack(load(), three, binaries.find(), cluster, None, moved={site.cell: site.region})
        for name in (*warm, cache):
            assert moved[name].stage != WARM
            assert (moved[name].command, moved[name].environment) == (made[name].command, made[name].environment)
    without = programs_of(Layout(three.state, three.ports, three.sites, {"STANDBYS": "none"}))
    assert {name for name, each in without.items() if each.stage == WARM} == set()


def test_a_stack_of_one_region_is_what_it_was(tmp_path: Path) -> None:
    """Its stores have plain names, its workers are separate, and no edge is in front of its edge."""
    layout = layout_of(tmp_path, sites.of_regions(load().cells, REGIONS))
    made = programs_of(layout)
    assert {*SHARED, *OWN_STORES} <= set(made)
    workers = [f"relay-{service}" for service in services.relay_services(load())]
    workers += [f"poller-{service}" for service in services.poller_services(load())]
    assert {f"{worker}-{US}" for worker in workers} <= set(made)
    assert {ports.rpc_host(service, US) for service in services.rpc_services(load())} <= set(made)
    assert not {name for name in made if name.startswith(("workers-", "edge-", "keeper-", "warmer", f"rpc-{US}"))}
    assert not {name for name in layout.ports if name.endswith(("-inner", f"-from-{US}"))}


def test_a_second_cell_in_a_region_is_configuration(tmp_path: Path) -> None:
    """It has processes and a database server of its own there, behind the same edge, and no link between the two."""
    layout = layout_of(tmp_path, (Site("us", US, US), Site("eu", US, f"{US}-eu")))
    made = programs_of(layout)
    assert {"postgres-us", "postgres-eu", functions_host(US), functions_host(f"{US}-eu")} <= set(made)
    assert regional_edge(US) not in made
    served = [environment.for_site(layout, site) for site in layout.sites]
    assert len({each["DATABASE_PORT"] for each in served}) == 2
    assert {each["CELL_ADDRESSES"] for each in served} == {
        f"us={layout.address(functions_host(US))},eu={layout.address(functions_host(f'{US}-eu'))}"
    }
    edges.configure(load(), layout)
    assert str(layout.ports[functions_host(f"{US}-eu")]) in layout.configuration("edge").read_text()


def test_sites_are_named_like_regions_but_for_further_cells() -> None:
    """So a stack of one cell a region has the names that it always had."""
    cells = {"us": US, "eu": EUROPE, "ustwo": US}
    assert sites.of_regions(cells, [EUROPE, US]) == (
        Site("eu", EUROPE, EUROPE),
        Site("us", US, US),
        Site("ustwo", US, f"{US}-ustwo"),
    )


def test_regions_that_the_registry_lacks_are_refused() -> None:
    """By name or by number, in one sentence that says which there are."""
    with pytest.raises(StackError, match=f"no cell in moon1: its regions are {US}"):
        sites.of_regions(load().cells, ["moon1"])
    assert sites.first_regions(load().cells, 2) == THREE[:2]
    for number in (0, 4):
        with pytest.raises(StackError, match=f"REGIONS is {number}: the registry has from 1 to 3"):
            sites.first_regions(load().cells, number)


def test_a_replica_is_for_one_region() -> None:
    """With several it is refused, in a sentence: it would not follow where its cell goes."""
    one = programs.listening_programs(load(), sites.of_regions(load().cells, THREE[:1]), with_replica=True)
    assert "replica" in one
    with pytest.raises(StackError, match="REPLICA=1 is for one region"):
        programs.listening_programs(load(), sites.of_regions(load().cells, THREE), with_replica=True)


def test_the_processes_of_a_site_use_its_own_stores(three: Layout) -> None:
    """Its database server, Valkey and RPC hosts, of which no other site has any."""
    read_back = [read(environment.for_site(three, site)) for site in three.sites]
    assert [(each.cell, each.region) for each in read_back] == [(site.cell, site.region) for site in three.sites]
    assert [each.database_port for each in read_back] == [three.ports[f"postgres-{s.cell}"] for s in three.sites]
    assert len({each.redis_url for each in read_back}) == 3
    hosts = [each.rpc_addresses[service] for each in read_back for service in services.rpc_services(load())]
    assert len(hosts) == len(set(hosts)) == 3 * len(services.rpc_services(load()))


def test_other_regions_are_reached_by_links(three: Layout) -> None:
    """And the own region directly, so that a cut is felt by those that it cuts off."""
    here, *others = three.sites
    addresses = read(environment.for_site(three, here)).cell_addresses
    assert addresses[here.cell] == three.address(functions_host(here.name))
    hosts = read(environment.for_site(three, here)).rpc_addresses
    for other in others:
        assert addresses[other.cell] == three.address(link(here.region, functions_host(other.name)))
        for service in services.rpc_services(load()):
            linked = link(here.region, ports.rpc_host(service, other.name))
            assert hosts[f"{service}@{other.cell}"] == three.address(linked)


def test_events_of_other_cells_come_by_links(three: Layout) -> None:
    """Out of the region that they are of, so that a cut holds them back, though Pub/Sub's emulator is shared."""
    here, *others = three.sites
    given = environment.for_site(three, here)["EVENTS_ADDRESSES"]
    host = ports.events_host(here.name)
    own, *away = three.standbys
    expected = [f"{each.cell}={three.address(link(each.region, host))}" for each in others]
    expected += [f"{each.cell}@{each.region}={each_address(three, here, each, host)}" for each in away]
    assert given.split(",") == expected
    assert own.cell == here.cell
    told = dict(pair.split("=") for pair in expected)
    asia = {"eu": told["eu"], "as": told[f"as@{US}"]}
    assert subscriptions.addresses_of_others(told, {"as": US}) == asia
    assert subscriptions.addresses_of_others(told, {}) == {"eu": told["eu"], "as": told["as"]}


def each_address(layout: Layout, here: Site, other: Site, host: str) -> str:
    """By which a host at a site gets what is pushed out of another one's region."""
    return layout.address(host if other.region == here.region else link(other.region, host))


def test_each_cell_has_a_standby_in_the_next_region(three: Layout) -> None:
    """It follows through a link of its own region, and everything that the cell needs there has a port already."""
    assert [(site.cell, site.region) for site in three.standbys] == [("us", EUROPE), ("eu", ASIA), ("as", US)]
    made = programs_of(three)
    for standby in three.standbys:
        server = f"postgres-{standby.cell}-{standby.region}"
        assert made[server].region == standby.region
        assert three.link_to_primary(standby) == f"postgres-{standby.cell}-from-{standby.region}"
        assert ports.workers(standby.name) not in made
        moved = environment.for_site(three, standby)
        assert moved["DATABASE_PORT"] == str(three.ports[server])
        assert read(moved).other_cells == tuple(cell for cell in load().cells if cell != standby.cell)
    without = Layout(three.state, three.ports, three.sites, {"STANDBYS": "none"})
    servers = {name for name in programs_of(without) if name.startswith("postgres")}
    assert servers == {"postgres-us", "postgres-eu", "postgres-as"}


def test_a_promoted_cell_is_where_its_standby_was(three: Layout) -> None:
    """With all its processes; at home the database server is left, to follow, what waits, and no link to its hosts."""
    cluster = Cluster(Path("/opt/postgres"), three.state / "postgres" / "data", None)
    made = programs.for_stack(load(), three, binaries.find(), cluster, None, moved={"as": US})
    name = f"{US}-as"
    there = {"postgres-as-us-central1", "valkey-as-us-central1", functions_host(name), f"workers-{name}"}
    assert there < {each for each, program in made.items() if program.region == US}
    left = {each for each, program in made.items() if program.region == ASIA and program.stage != WARM}
    assert left == {"postgres-as", "postgres-eu-asia-east1", regional_edge(ASIA)}
    opened = {each["name"] for each in links.listeners(three, EUROPE, Troubles(moved={"as": US}))["resources"]}
    assert link(EUROPE, functions_host(name)) in opened
    assert link(EUROPE, functions_host(ASIA)) not in opened
    for region in (US, EUROPE):  # what it publishes is pulled by the name that it has at home, whatever died there
        dead = Troubles(killed=frozenset({ASIA}), moved={"as": US})
        opened = {each["name"] for each in links.listeners(three, region, dead)["resources"]}
        assert link(region, ports.published(ASIA)) in opened


def test_a_cell_subscribes_to_what_its_rows_receive(three: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row to its own cell's topics or to all others' for it, by a subscription that names both cells."""
    rows = {**load().rows, "notify_users": msgspec.structs.replace(load().rows["notify_users"], cells="others")}
    monkeypatch.setattr(subscriptions, "load", lambda: msgspec.structs.replace(load(), operations=rows))
    for name in ("PublisherClient", "SubscriberClient"):
        monkeypatch.setattr(f"emulators.stack.parts.subscriptions.pubsub_v1.{name}", Recorded)
    Recorded.topics, Recorded.pushed = [], {}
    subscriptions.Subscriptions("us", "shop", "here:1", "secret", elsewhere={"eu": "b:1", "as": "c:1"}).create()
    assert max(Counter(Recorded.topics).values()) == 1
    crossing_topics = {"order-events.notify_users-us-to-as", "order-events.notify_users-as-to-us"}
    assert {*crossing_topics, "order-events-dead-us"} < {*Recorded.topics}
    assert not {"order-events.capture_hold-eu", "order-events.notify_users-us"} & {*Recorded.topics}
    crossing = {name: address for name, address in Recorded.pushed.items() if "-to-" in name}
    assert crossing["notify_users-order-events-eu-to-us"] == ("order-events.notify_users-eu-to-us", "b:1")
    receiving = [row for row in rows.values() if row.event and row.cells != "own"]
    assert len(crossing) == 2 * sum(len(load().topics_of(row)) for row in receiving)
    assert "notify_users-order-events-us" not in Recorded.pushed
    assert Recorded.pushed["capture_hold-order-events-us"] == ("order-events.capture_hold-us", "here:1")


class Recorded:
    """A client of Pub/Sub that keeps what it is asked to make."""

    topics: ClassVar[list[str]]
    pushed: ClassVar[dict[str, tuple[str, str]]]

    def topic_path(self, _: str, name: str) -> str:
        return name

    subscription_path = topic_path

    def create_topic(self, name: str, **_: object) -> None:
        self.topics.append(name)

    def create_subscription(self, request: dict[str, Any], **_: object) -> None:
        address = request["push_config"]["push_endpoint"].split("/")[2]
        self.pushed[request["name"]] = (request["topic"], address)


def test_the_regional_edges_come_after_the_global_one() -> None:
    """On 8081 to 8083, or with a first port on those after it; no two programs want one port."""
    names = programs.listening_programs(load(), sites.of_regions(load().cells, THREE))
    assert names[:4] == ["edge", *map(regional_edge, THREE)]
    assert max(Counter(names).values()) == 1


def test_the_regional_edges_have_ports_in_the_table() -> None:
    """The preferred ones, whether or not they are free here."""
    names = programs.listening_programs(load(), sites.of_regions(load().cells, THREE))
    ports = Ports(names)
    ports.release()
    preferred = {name: ports.moved.get(name, port) for name, port in ports.chosen.items()}
    assert [preferred[regional_edge(region)] for region in THREE] == [8081, 8082, 8083]
    assert len(set(preferred.values())) == len(preferred)


def test_the_edge_of_a_region_is_opened_last(three: Layout) -> None:
    """Users come back to a healed region when everything behind its edge is ready."""
    made = programs_of(three)
    for region in THREE:
        last = [name for name, program in made.items() if program.region == region and program.stage == EDGE]
        assert last == [regional_edge(region)]


def test_every_region_knows_how_near_all_regions_are() -> None:
    """Each has an order of all regions of the registry that begins with itself."""
    assert set(NEARNESS) == set(load().regions)
    for region, near in NEARNESS.items():
        assert near[0] == region
        assert sorted(near) == sorted(load().regions)


def test_clients_are_sent_to_the_nearest_region(three: Layout) -> None:
    """In the order of the table while it is healthy; without a region, or with an unknown one, as from the primary."""
    made = global_edge.configuration(three, load().limits.values())["static_resources"]
    clusters = {cluster["name"]: cluster["load_assignment"]["endpoints"] for cluster in made["clusters"]}
    by_port = {three.ports[inner(regional_edge(region))]: region for region in THREE}
    routed: dict[str | None, tuple[str, ...]] = {}
    for route in global_edge.routes(three):
        (header,) = route["match"].get("headers", [{"string_match": {"exact": None}}])
        endpoints = sorted(clusters[route["route"]["cluster"]], key=lambda each: each["priority"])
        addresses = [each["lb_endpoints"][0]["endpoint"]["address"]["socket_address"] for each in endpoints]
        routed[header["string_match"]["exact"]] = tuple(by_port[address["port_value"]] for address in addresses)
    assert routed.pop(None) == NEARNESS[US]
    assert routed == NEARNESS


def test_a_client_beyond_the_regions_of_the_stack_is_sent_to_the_nearest_of_them(tmp_path: Path) -> None:
    """With two regions of three the order is the same, without the third."""
    layout = layout_of(tmp_path, sites.of_regions(load().cells, [EUROPE, ASIA]))
    assert global_edge.nearest(EUROPE, layout) == [EUROPE, ASIA]
    assert global_edge.routes(layout)[-1]["route"]["cluster"] == f"near-{EUROPE}"


def test_only_open_links_are_listened_on(three: Layout) -> None:
    """Neither those to a killed region nor a cut one, in either direction."""
    troubles = Troubles(frozenset({ASIA}), frozenset({(EUROPE, US)}))
    opened = {
        region: [each["name"] for each in links.listeners(three, region, troubles)["resources"]] for region in THREE
    }
    assert opened == {
        US: [],
        EUROPE: [],
        ASIA: [
            link(ASIA, program)
            for site in three.sites
            if site.region != ASIA
            for program in services.called_at(load(), site)
        ]
        + [link(ASIA, "postgres-as-us-central1"), link(ASIA, "postgres-eu")],
    }


def test_envoy_accepts_every_edge(three: Layout) -> None:
    """Envoy itself finds the global configuration and the regional ones valid."""
    edges.configure(load(), three)
    three.logs.mkdir()
    for name in ("edge", *map(regional_edge, THREE)):
        command = [
            str(binaries.find().envoy),
            "--config-path",
            str(three.configuration(name)),
            "--mode",
            "validate",
        ]
        checked = subprocess.run([*command, "--log-level", "error"], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
