"""Sending webhooks over HTTP: several parcels at once, each over a connection of its own."""

import logging
import time
from base64 import b64encode
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta
from functools import partial
from hashlib import sha256
from hmac import digest
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from functions.notification.domain.webhook import Outcome
from functions.notification.ports import Attempt, Parcel
from shared.clock import Clock
from shared.http_client.ssrf_guard import Unreachable, post, target
from shared.telemetry.context import bind, trace_context
from shared.telemetry.metrics import DELIVERY
from shared.telemetry.spans import Span

if TYPE_CHECKING:
    from shared.postgres.gate import Gate

log = logging.getLogger(__name__)

MAX_CONCURRENT: Final = 8
"""How many parcels are in flight at once to trusted addresses, and as many to the others."""

TIMEOUT_SECONDS: Final = 10.0
"""How long an address may take to respond."""

POLL_SECONDS: Final = 0.2


class HttpAddresses:
    """Checks that webhook URLs lead to public addresses."""

    def __init__(self, loopback: bool) -> None:
        self._loopback = loopback

    def check(self, url: str) -> None:
        target(url, loopback=self._loopback)


class HttpCourier:
    """Sends parcels from two thread pools, so that untrusted addresses that hang do not delay the trusted ones."""

    def __init__(self, loopback: bool, clock: Clock, gate: "Gate | None" = None) -> None:
        """gate: what webhooks wait at, where cells fail over."""
        self._gate = gate
        self._loopback = loopback
        self._clock = clock
        self._lanes: dict[bool, ThreadPoolExecutor] = {}
        self._under_way: dict[Future[Attempt], bool] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for lane in self._lanes.values():
            lane.shutdown()

    @property
    def busy(self) -> bool:
        return bool(self._under_way)

    def capacity(self, *, trusted: bool) -> int:
        return MAX_CONCURRENT - sum(lane == trusted for lane in self._under_way.values())

    def send(self, parcels: Sequence[Parcel], *, trusted: bool) -> None:
        if parcels and self._gate:
            self._gate.wait("webhook")
        if parcels and trusted not in self._lanes:
            self._lanes[trusted] = ThreadPoolExecutor(MAX_CONCURRENT, thread_name_prefix="courier")
        for parcel in parcels:
            self._under_way[self._lanes[trusted].submit(partial(self._deliver, parcel))] = trusted

    def completed(self) -> Sequence[Attempt]:
        done, _ = wait(self._under_way, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            del self._under_way[future]
        return [future.result() for future in done]

    def _deliver(self, parcel: Parcel) -> Attempt:
        bind(None, parcel.traceparent)
        with Span("webhook", "client", {"messaging.message.id": parcel.delivery.event_id}) as span:
            attempt = self._attempted(parcel)
            span.failed = not attempt.outcome.succeeded
        outcome = "failed" if span.failed else "delivered"
        DELIVERY.labels(outcome).observe(attempt.outcome.took.total_seconds())
        return attempt

    def _attempted(self, parcel: Parcel) -> Attempt:
        body, now, began = parcel.body.encode(), self._clock.now(), time.monotonic()
        headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "User-Agent": "Meridian-Webhooks/1",
            "webhook-id": parcel.delivery.event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signatures(parcel, int(now.timestamp())),
            **trace_context().headers,  # a receiver that traces goes on with it
        }
        try:
            if not parcel.secrets:
                raise Unreachable("it could not be signed")
            to = target(parcel.url, loopback=self._loopback)
            reply = post(to, body, headers, loopback=self._loopback, within_seconds=TIMEOUT_SECONDS)
        except (Unreachable, ValueError) as error:
            return Attempt(parcel, Outcome(None, str(error), took=since(began)), self._clock.now())
        except Exception:  # a defect of ours, which must not lose the results of other parcels
            log.exception("the delivery %s failed", parcel.delivery.name)
            return Attempt(parcel, Outcome(None, "it could not be sent", took=since(began)), self._clock.now())
        error_text = "" if 200 <= reply.status < 300 else f"answered {reply.status}"
        outcome = Outcome(reply.status, error_text, timedelta(seconds=reply.retry_after), since(began))
        return Attempt(parcel, outcome, self._clock.now())


def since(began: float) -> timedelta:
    """The time elapsed since a reading of the monotonic clock."""
    return timedelta(seconds=time.monotonic() - began)


def signatures(parcel: Parcel, timestamp: int) -> str:
    """A Standard Webhooks signature over id, time and body by each valid secret."""
    signed = f"{parcel.delivery.event_id}.{timestamp}.{parcel.body}".encode()
    return " ".join(f"v1,{b64encode(digest(secret, signed, sha256)).decode()}" for secret in parcel.secrets)
