"""Makes the topics and push subscriptions of a region in the Pub/Sub emulator, from the registry.

    python -m emulators.subscriptions <region>

A process of its own, run with the stack's environment: Google's client takes longer to import than this takes to run.
There are no dead-letter policies (they would count every message's attempts); a handler publishes what it cannot
decode to the region's dead-letter topic itself.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from google.cloud import pubsub_v1
from google.protobuf.duration_pb2 import Duration

from emulators import secrets
from shared.registry import Row, load

ACK_DEADLINE_SECONDS: Final = 30
RETRY: Final = {"minimum_backoff": Duration(nanos=100_000_000), "maximum_backoff": Duration(seconds=10)}


def topic_name(topic: str, region: str) -> str:
    """The resource name of a topic of a region."""
    return f"{topic}-{region}"


def subscription_name(row: str, topic: str, region: str) -> str:
    """The resource name of a consumer's subscription to one of its topics in a region."""
    return f"{row}-{topic}-{region}"


def make(region: str, project: str, functions_address: str, push_token: str) -> None:
    """Make every topic and subscription of a region.

    functions_address: host:port of the functions host, which takes the pushes.
    push_token: what pushes carry, since the emulator sends no Authorization header.

    Raises google.api_core.exceptions.GoogleAPICallError when the emulator refuses one.
    """
    registry = load()
    publisher = pubsub_v1.PublisherClient()
    subscriber = pubsub_v1.SubscriberClient()

    def make_topic(topic: str) -> None:
        publisher.create_topic(name=publisher.topic_path(project, topic_name(topic, region)))

    def make_subscription(consumed: tuple[Row, str]) -> None:
        row, topic = consumed
        query = urlencode({"token": push_token})
        subscriber.create_subscription(
            request={
                "name": subscriber.subscription_path(project, subscription_name(row.name, topic, region)),
                "topic": publisher.topic_path(project, topic_name(topic, region)),
                "enable_message_ordering": True,
                "ack_deadline_seconds": ACK_DEADLINE_SECONDS,
                "retry_policy": RETRY,
                "push_config": {"push_endpoint": f"http://{functions_address}/_events/{row.name}?{query}"},
            }
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make_topic, (*registry.topics, "dead-letter")))
        list(pool.map(make_subscription, ((r, t) for r in registry.event_rows() for t in registry.topics_of(r))))


if __name__ == "__main__":
    make(
        sys.argv[1],
        os.environ["GOOGLE_CLOUD_PROJECT"],
        os.environ["FUNCTIONS_ADDRESS"],
        secrets.read(Path(os.environ["SECRETS_DIR"]), "push_token"),
    )
