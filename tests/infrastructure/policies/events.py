"""Topics, subscriptions and schedules are those of the registry, and call who expects them."""

from collections.abc import Iterator
from typing import Final

from shared.bus.topics import dead_topic, row_topic, subscription_name, topic_name
from shared.registry import Row
from tests.infrastructure.policies import policy
from tests.infrastructure.resources import Resource
from tests.infrastructure.world import Process, World

TOPIC: Final = "google_pubsub_topic"
SUBSCRIPTION: Final = "google_pubsub_subscription"
SCHEDULE: Final = "google_cloud_scheduler_job"

RETAINED_AT_LEAST: Final = 7 * 86_400
"""Seconds. What was published can be delivered again for so long: see docs/operations.md."""


def seconds(duration: object) -> float:
    """A duration such as `600s`; 0 for none."""
    return float(str(duration or "0s").removesuffix("s"))


def consumed(world: World) -> Iterator[tuple[str, str, Row, str]]:
    """Every topic of a row, with its subscription, the row and the cell that receives it."""
    cells = world.registry.cells
    for row in world.functions().values():
        for topic in world.registry.topics_of(row):
            for cell in cells:
                for source in row.sources(cell, [each for each in cells if each != cell]):
                    name = topic_name(row_topic(topic, row.name), source, cell)
                    yield name, subscription_name(row.name, topic, cell, source), row, cell


def dead(world: World) -> set[str]:
    """The dead topics of every cell."""
    registry = world.registry
    return {topic_name(dead_topic(topic), cell) for topic in registry.topics for cell in registry.cells}


@policy
def topics_are_those_of_the_registry(world: World) -> Iterator[str]:
    wanted = {name for name, *_ in consumed(world)} | dead(world)
    found = {each.name: each for each in world.of(TOPIC)}
    if found.keys() != wanted:
        yield f"too many: {sorted(found.keys() - wanted)[:5]}, too few: {sorted(wanted - found.keys())[:5]}"
    places: dict[str, set[str]] = {}
    for site in world.sites():
        places.setdefault(site.cell, set()).add(site.region)
    for name, topic in found.items():
        if seconds(topic.values.get("message_retention_duration")) < RETAINED_AT_LEAST:
            yield f"{name}: not retained"
        storage = topic.block("message_storage_policy")
        here, crosses, _ = name.partition("-to-")
        if set(storage.get("allowed_persistence_regions") or ()) != places[here.rpartition("-")[2]]:
            yield f"{name}: not stored where its cell may be served, and only there"
        if bool(storage.get("enforce_in_transit")) == bool(crosses):
            yield f"{name}: consumers of other regions are {'kept out' if crosses else 'let in'}"


@topics_are_those_of_the_registry.broken_by
def a_topic_less(world: World) -> None:
    world.resources.remove(next(each for each in world.of(TOPIC) if "capture_hold" in each.name))


@topics_are_those_of_the_registry.broken_by
def other_regions_kept_out(world: World) -> None:
    copied = next(each for each in world.of(TOPIC) if "replicate_supply" in each.name)
    copied.values["message_storage_policy"][0]["enforce_in_transit"] = True


@topics_are_those_of_the_registry.broken_by
def a_topic_that_a_promoted_cell_cannot_publish_to(world: World) -> None:
    policy = world.one(TOPIC).values["message_storage_policy"][0]
    policy["allowed_persistence_regions"] = policy["allowed_persistence_regions"][:1]


@topics_are_those_of_the_registry.broken_by
def nothing_retained(world: World) -> None:
    world.one(TOPIC).values["message_retention_duration"] = None


def topic_of(world: World, subscription: Resource) -> str:
    """The name of the topic that a subscription is of."""
    found = world.named(TOPIC, subscription.values["topic"])
    return found.name if found else str(subscription.values["topic"])


@policy
def every_topic_has_its_subscription(world: World) -> Iterator[str]:
    wanted = {(topic, subscription) for topic, subscription, *_ in consumed(world)}
    found = {(topic_of(world, each), each.name) for each in world.of(SUBSCRIPTION)}
    for missing in sorted(wanted - found):
        yield f"{missing[1]} of {missing[0]} is missing"
    for topic in dead(world) - {topic for topic, _ in found}:
        yield f"{topic}: nothing keeps what cannot be read"
    for each in world.of(SUBSCRIPTION):
        if each.values.get("expiration_policy") != [{"ttl": ""}]:
            yield f"{each.name} expires"
        if each.values.get("filter"):
            yield f"{each.name} has a filter, whose refusals are lost"


@every_topic_has_its_subscription.broken_by
def a_subscription_that_expires(world: World) -> None:
    world.one(SUBSCRIPTION).values["expiration_policy"] = []


@every_topic_has_its_subscription.broken_by
def nobody_keeps_the_dead(world: World) -> None:
    world.resources.remove(next(each for each in world.of(SUBSCRIPTION) if topic_of(world, each) in dead(world)))


@policy
def events_arrive_in_order_and_in_time(world: World) -> Iterator[str]:
    rows = {subscription: (row, cell) for _, subscription, row, cell in consumed(world)}
    processes = {(each.of, each.cell): each for each in served(world)}
    pushed = {each.environment.get("EVENT_DELIVERY", "push") for each in world.processes("function")} == {"push"}
    for each in world.of(SUBSCRIPTION):
        if each.name not in rows:
            continue
        row, cell = rows[each.name]
        if not each.values.get("enable_message_ordering"):
            yield f"{each.name}: no order"
        if each.values.get("dead_letter_policy"):
            yield f"{each.name}: a dead-letter policy counts outages too; the code parks what fails"
        if not (world.registry.seconds_of(row) or 0) <= (each.values.get("ack_deadline_seconds") or 0) <= 600:
            yield f"{each.name}: {each.values.get('ack_deadline_seconds')} s to acknowledge"
        if bool(each.values.get("push_config")) != pushed:
            yield f"{each.name}: {'pull' if pushed else 'push'}"
        elif pushed:
            push = each.block("push_config")
            yield from calls(
                each.name, processes[row.name, cell], push["push_endpoint"], each.block("push_config", "oidc_token")
            )


def served(world: World) -> list[Process]:
    """The functions of cells where these are served now."""
    places = {(site.cell, site.region) for site in world.sites() if site.serves}
    return [each for each in world.processes("function") if (each.cell, each.region) in places]


def calls(name: str, process: Process, url: str, token: dict[str, object]) -> Iterator[str]:
    """What is wrong with a call of Google's: the URL, and the token that the function checks."""
    if url != f"{process.resource.values['uri']}/":
        yield f"{name}: calls {url}"
    if token.get("audience") != process.environment.get("INTERNAL_AUDIENCE"):
        yield f"{name}: the audience {token.get('audience')} is not that of {process.of}"
    if token.get("service_account_email") not in process.environment.get("INTERNAL_ACCOUNTS", "").split(","):
        yield f"{name}: {process.of} does not know {token.get('service_account_email')}"


def example(world: World) -> Resource:
    """A subscription that events arrive by."""
    return next(each for each in world.of(SUBSCRIPTION) if each.name.startswith("capture_hold"))


@events_arrive_in_order_and_in_time.broken_by
def no_order(world: World) -> None:
    example(world).values["enable_message_ordering"] = False


@events_arrive_in_order_and_in_time.broken_by
def a_dead_letter_policy(world: World) -> None:
    example(world).values["dead_letter_policy"] = [{"dead_letter_topic": "dead", "max_delivery_attempts": 5}]


@events_arrive_in_order_and_in_time.broken_by
def ten_seconds_to_acknowledge(world: World) -> None:
    example(world).values["ack_deadline_seconds"] = 10


@events_arrive_in_order_and_in_time.broken_by
def a_push_to_another_region(world: World) -> None:
    push = example(world).values["push_config"][0]
    region = example(world).name.partition("order-events-")[2]
    other = next(each for each in world.registry.regions if each != region)
    push["push_endpoint"] = push["push_endpoint"].replace(region, other)


def of_rows(world: World) -> list[Resource]:
    """The schedules that call functions; others run jobs."""
    return [each for each in world.of(SCHEDULE) if not str(each.block("http_target").get("uri")).endswith(":run")]


@policy
def schedules_are_those_of_the_registry(world: World) -> Iterator[str]:
    """Those of a cell wait where it is not served."""
    rows = {name: row for name, row in world.functions().items() if row.schedule}
    processes = {f"{each.resource.values['uri']}/": each for each in world.processes("function") if each.of in rows}
    serving = {(site.cell, site.region) for site in world.sites() if site.serves}
    wanted = {(each.of, each.cell, each.region) for each in processes.values()}
    for job in of_rows(world):
        uri = str(job.block("http_target").get("uri"))
        process = processes.get(uri)
        if process is None or (process.of, process.cell, process.region) not in wanted:
            yield f"{job.name}: calls {uri}, or is one too many"
            continue
        row = rows[process.of]
        wanted.remove((process.of, process.cell, process.region))
        if job.values["region"] != process.region or bool(job.values.get("paused")) == (
            (process.cell, process.region) in serving
        ):
            yield f"{job.name} of {job.values['region']}: {'paused' if job.values.get('paused') else 'not paused'}"
        if job.values["schedule"] != row.schedule or job.values.get("time_zone") not in ("Etc/UTC", "UTC"):
            yield f"{job.name}: at {job.values['schedule']} in {job.values.get('time_zone')}"
        if seconds(job.values.get("attempt_deadline")) < (world.registry.seconds_of(row) or 0):
            yield f"{job.name}: {job.values.get('attempt_deadline')} to answer"
        yield from calls(job.name, process, uri, job.block("http_target", "oidc_token"))
    for name, cell, region in sorted(wanted):
        yield f"nothing calls {name} of {cell} in {region}"


@schedules_are_those_of_the_registry.broken_by
def a_schedule_that_waits(world: World) -> None:
    of_rows(world)[0].values["paused"] = not of_rows(world)[0].values.get("paused")


@schedules_are_those_of_the_registry.broken_by
def another_time(world: World) -> None:
    of_rows(world)[0].values["schedule"] = "0 * * * *"


@schedules_are_those_of_the_registry.broken_by
def a_schedule_less(world: World) -> None:
    world.resources.remove(of_rows(world)[0])


@schedules_are_those_of_the_registry.broken_by
def another_audience(world: World) -> None:
    of_rows(world)[0].values["http_target"][0]["oidc_token"][0]["audience"] = "https://example.com"
