"""Unary calls of Pub/Sub's subscriber API. Pulls wait in the background, so that one thread waits for several.

The transport's stubs are called rather than the client's methods: those have no asynchronous form, and retry.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

import grpc
from google.api_core.gapic_v1.routing_header import to_grpc_metadata
from google.cloud.pubsub_v1 import SubscriberClient
from google.pubsub_v1 import SubscriberClient as SubscriberApiClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from google.pubsub_v1.types import AcknowledgeRequest, ModifyAckDeadlineRequest, PullRequest, PullResponse

from shared.bus.pubsub_pull import PulledMessage
from shared.errors import Unavailable

PULL_SECONDS: Final = 2.0
"""How long a pull waits for messages. A short time, as a pull that is given up may be answered with messages all the
same, which then wait for their deadline: so closing can wait for it. Google's emulator answers a second before it."""

CALL_SECONDS: Final = 5.0
"""How long other calls may take."""

RECONNECTING: Final = (("grpc.initial_reconnect_backoff_ms", 250), ("grpc.max_reconnect_backoff_ms", 1000))
"""How soon a link is dialled again; by default gRPC waits for up to two minutes, long after it is back."""

ACK_IDS_AT_MOST: Final = 1_000
"""Of one request, whose limit is 512 kB."""


def regional(region: str) -> dict[str, str]:
    """The client options by which Pub/Sub is reached in a region: order holds only among publishes in one region, and
    the global endpoint goes to whichever is near. The emulator's address, if there is one, comes before it.
    (https://cloud.google.com/pubsub/docs/ordering, https://cloud.google.com/pubsub/docs/reference/service_apis_overview)
    """
    return {"api_endpoint": f"{region}-pubsub.googleapis.com:443"}


class SubscriberApi:
    """Calls Pub/Sub by one client, for all threads of a process."""

    def __init__(self, region: str, address: str = "") -> None:
        """address: host:port of an emulator, if it is not to be reached as PUBSUB_EMULATOR_HOST says."""
        if address:
            transport = SubscriberGrpcTransport(channel=grpc.insecure_channel(address, RECONNECTING))
            self._client = SubscriberApiClient(transport=transport)
        else:
            self._client = SubscriberClient(client_options=regional(region))
        self._stubs: Any = self._client.transport

    def path(self, project: str, subscription: str) -> str:
        """The path of a subscription."""
        return str(self._client.subscription_path(project, subscription))

    def pull(self, subscription: str, most: int, answered: Callable[[], None]) -> "PullCall":
        """Begin to wait for messages; see PullApi."""
        request = PullRequest(subscription=subscription, max_messages=most)
        call = self._stubs.pull.future(request, timeout=PULL_SECONDS, metadata=_metadata(subscription))
        return PullCall(call, answered)

    def acknowledge(self, subscription: str, ack_ids: Sequence[str]) -> None:
        """Acknowledge messages. Raises Unavailable."""
        for some in _parts(ack_ids):
            self._send(self._stubs.acknowledge, AcknowledgeRequest(subscription=subscription, ack_ids=some))

    def modify_deadline(self, subscription: str, ack_ids: Sequence[str], seconds: int) -> None:
        """Have their deadline in so many seconds; 0 gives them back. Raises Unavailable."""
        for some in _parts(ack_ids):
            request = ModifyAckDeadlineRequest(subscription=subscription, ack_ids=some, ack_deadline_seconds=seconds)
            self._send(self._stubs.modify_ack_deadline, request)

    def _send(self, stub: Any, request: Any) -> None:
        try:
            stub(request, timeout=CALL_SECONDS, metadata=_metadata(request.subscription))
        except grpc.RpcError as error:
            raise _unavailable(error) from error


class PullCall:
    """A pull under way; see Pull."""

    def __init__(self, call: Any, answered: Callable[[], None]) -> None:
        """call: gRPC's future."""
        self._call = call
        self._ended = threading.Event()

        def end(_: Any) -> None:
            self._ended.set()
            answered()

        call.add_done_callback(end)

    def wait(self, seconds: float) -> bool:
        """Wait for the answer; returns whether it is there."""
        return self._ended.wait(seconds)

    def messages(self) -> list[PulledMessage]:
        """The answer's messages. Raises Unavailable."""
        try:
            # The plain message of protobuf: reading fields through its wrapper takes most of a batch's time.
            response = PullResponse.pb(self._call.result())
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                return []
            raise _unavailable(error) from error
        return [
            PulledMessage(
                received.message.message_id,
                received.ack_id,
                received.message.ordering_key,
                dict(received.message.attributes),
                received.message.data,
            )
            for received in response.received_messages
        ]

    def cancel(self) -> None:
        """Give up waiting for it."""
        self._call.cancel()


def _metadata(subscription: str) -> list[tuple[str, str]]:
    """By which Google routes a request."""
    return [to_grpc_metadata({"subscription": subscription})]


def _parts(ack_ids: Sequence[str]) -> list[Sequence[str]]:
    return [ack_ids[begin : begin + ACK_IDS_AT_MOST] for begin in range(0, len(ack_ids), ACK_IDS_AT_MOST)]


def _unavailable(error: grpc.RpcError) -> Unavailable:
    return Unavailable(f"Pub/Sub: {error.code().name}: {error.details()}")
