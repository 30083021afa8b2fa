"""Outside of the emulator Pub/Sub is called in the process's own region, by publishers and consumers alike."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import google.auth
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from msgspec.structs import replace

from shared.bus.pubsub import PubSubBus, PubSubDeadTopics, rewind
from shared.bus.transport import record_sources
from shared.config import Settings, read
from tests.shared.test_config import LEAST

REGION: Final = "asia-east1"
OPENS: Final[list[Callable[[Settings], Any]]] = [
    PubSubBus,
    PubSubDeadTopics,
    record_sources,
    lambda settings: rewind(settings, [], datetime.now(UTC)),
]
"""Everything that opens a client."""


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hosts of the clients that are opened, which call nobody."""
    hosts: list[str] = []

    def noting(kind: Any) -> Callable[..., None]:
        original = kind.__init__

        def init(self: Any, *arguments: Any, **options: Any) -> None:
            original(self, *arguments, **options)
            hosts.append(self.transport._host)

        return init

    for kind in (PublisherClient, SubscriberClient):
        monkeypatch.setattr(kind, "__init__", noting(kind))
    monkeypatch.setattr(google.auth, "default", lambda **_: (AnonymousCredentials(), "shop"))  # type: ignore[no-untyped-call]
    return hosts


def test_clients_call_their_region(opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """By the endpoint of the region, whose order of publishes holds; never by the global one."""
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    for open_one in OPENS:
        open_one(replace(read(LEAST), region=REGION))
    assert opened == [f"{REGION}-pubsub.googleapis.com:443"] * len(OPENS)


def test_the_emulator_comes_first(opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """On the local stack, whatever the region."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
    for open_one in OPENS:
        open_one(replace(read(LEAST), region=REGION))
    assert opened == ["127.0.0.1:1"] * len(OPENS)
