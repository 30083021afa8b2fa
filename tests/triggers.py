"""Triggers event, schedule and polling rows of a running stack, as Pub/Sub, the scheduler and workers do."""

import base64
from typing import Any

import httpx

from emulators.stack.stack import Stack
from functions.main import bind
from shared.bus.transport import AddressedEvent
from shared.contracts.events import StoredEvent
from shared.registry import load
from shared.resources import Resources


class Triggers:
    """The internal endpoints of the events host, and the operations that have none."""

    def __init__(self, stack: Stack, resources: Resources) -> None:
        """resources: the stack's, for polling rows."""
        self._resources = resources
        self._token = resources.settings.secret("push_token").decode()
        self._http = httpx.Client(base_url=f"http://{stack.environment['EVENTS_ADDRESS']}", timeout=60)

    def start(self, row: str) -> dict[str, int]:
        """Run a schedule or polling row now, and return its counts. Raises httpx.HTTPStatusError, MeridianError.

        A polling row runs in this process, at once and without its lock, which the stack's worker never gives up: it
        may run there at the same time, as after the loss of a session.
        """
        if load().rows[row].worker:
            ran: dict[str, int] = bind(load().rows[row], parts=self._resources).run()
            return ran
        answer = self._http.post(f"/_schedules/{row}", headers={"X-Internal-Token": self._token})
        done: dict[str, int] = answer.raise_for_status().json()["done"]
        return done

    def deliver(self, row: str, event: StoredEvent) -> httpx.Response:
        """Push an event to a consumer, as Pub/Sub does."""
        message: dict[str, Any] = {
            "attributes": AddressedEvent(event, {row: event.follows}).attributes(row),
            "data": base64.b64encode(event.body()).decode(),
            "messageId": event.id,
        }
        return self._http.post(f"/_events/{row}", params={"token": self._token}, json={"message": message})

    def received(self, row: str, event: StoredEvent) -> str:
        """Push an event, and return what the consumer did with it: applied, known or parked.

        Raises httpx.HTTPStatusError when it requests a redelivery.
        """
        (answer,) = self.deliver(row, event).raise_for_status().json()["received"]
        return str(answer)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
