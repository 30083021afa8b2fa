"""What services know about one order: told by each in its own RPC host, and put together over gRPC."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from functions.platform.domain.story import ClaimState, Delivered, Occurrence, OrderPart, Posting, Story
from shared import ids
from shared.contracts.encode import to_json
from shared.contracts.events import StoredEvent
from shared.contracts.gen.operators_pb2 import TellRequest, TellResponse
from shared.decoding import ready
from shared.errors import Unavailable
from shared.postgres.queries import queries_by_name
from shared.telemetry.context import TraceContext
from shared.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from shared.rpc.channel import RpcChannel

SERVICES: Final = Path(__file__).parent.parent.parent
PARTS: Final = ("wallet", "supply", "claiming")
"""The services that do something for an order, in its own cell."""

ASK_SECONDS: Final = 5.0


class PostgresOrderParts:
    """What the service whose host this runs in has about an order: its sql/story.sql, and its events."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def tell(self, order_id: str, event_ids: Sequence[str], user_ids: Sequence[str]) -> OrderPart:
        found = queries_by_name(SERVICES / self._work.service / "sql" / "story.sql")
        with self._work.transaction() as work:
            transaction = work.current_transaction
            streams = found["streams"](transaction, order_id=order_id) if "streams" in found else []
            claims = found["claim"](transaction, order_id=order_id) if "claim" in found else []
            postings = found["postings"](transaction, order_id=order_id) if "postings" in found else []
            deliveries = (
                found["deliveries"](transaction, event_ids=list(event_ids), user_ids=list(user_ids))
                if "deliveries" in found
                else []
            )
            events = [event for row in streams for event in work.events.read(row["stream"])]
        return OrderPart(
            events=[to_json(event) for event in events],
            postings=[Posting(**row) for row in postings],
            claim=ClaimState(**claims[0]) if claims else None,
            deliveries=[Delivered(**row) for row in deliveries],
        )


class GrpcStories:
    """Orders of this cell, as all services know them, over gRPC."""

    def __init__(self, channel: "Callable[[str, str], RpcChannel]", cell: str) -> None:
        """
        channel: opens the channel to a service in a cell.
        cell: this process's.
        """
        self._channel = channel
        self._cell = cell

    def tell(self, order_id: str) -> Story | None:
        placed = list(_occurrences("order", self._ask("order", self._cell, TellRequest(order_id=order_id))))
        if not placed:
            return None
        users = [str(placed[0].data[name]) for name in ("user_id", "merchant_id")]
        about = TellRequest(order_id=order_id, event_ids=[each.event_id for each in placed], user_ids=users)
        places = [(service, self._cell) for service in PARTS]
        places += [("notification", cell) for cell in dict.fromkeys(ids.cell_of(user) or self._cell for user in users)]
        answers, unreachable = list[tuple[str, TellResponse]](), list[str]()
        for service, cell in places:
            try:
                answers.append((service, self._ask(service, cell, about)))
            except Unavailable:
                unreachable.append(f"{service} in {cell}")
        occurrences = [*placed, *(each for service, answer in answers for each in _occurrences(service, answer))]
        return Story(
            occurrences=sorted(occurrences, key=lambda each: (each.at, each.stream, each.version)),
            postings=[_posting(each) for _, answer in answers for each in answer.postings],
            claim=next((_claim(answer.claim) for _, answer in answers if answer.HasField("claim")), None),
            deliveries=[_delivered(each) for _, answer in answers for each in answer.deliveries],
            unchecked=unreachable,
        )

    def _ask(self, service: str, cell: str, request: TellRequest) -> TellResponse:
        return self._channel(service, cell).call("Operators.Tell", request, TellResponse, ASK_SECONDS)


def _occurrences(service: str, answer: TellResponse) -> Iterator[Occurrence]:
    for stored in answer.events:
        event = msgspec.json.decode(stored, type=ready(StoredEvent))
        trace_id = TraceContext("", str(event.metadata.get("traceparent", ""))).trace_id
        yield Occurrence(
            service, event.id, event.stream, event.version, event.type, event.at, _present(event.data), trace_id
        )


def _present(data: Any) -> Any:
    """An event's data without empty texts: Protocol Buffers spell absence so, as of the owner of a system account."""
    if isinstance(data, Mapping):
        return {name: _present(value) for name, value in data.items() if value != ""}
    return [_present(each) for each in data] if isinstance(data, list) else data


def _posting(part: TellResponse.Posting) -> Posting:
    at = part.at.ToDatetime(UTC)
    return Posting(part.transfer_id, part.kind, part.account, part.currency, part.amount, at)


def _claim(part: TellResponse.Claim) -> ClaimState:
    return ClaimState(
        id=part.id,
        status=part.status,
        recipient=part.recipient,
        chain_id=part.chain_id,
        transaction_hash=part.transaction_hash,
        block_number=part.block_number,
        failure=part.failure,
    )


def _delivered(part: TellResponse.Delivery) -> Delivered:
    return Delivered(
        webhook_id=part.webhook_id,
        id=part.id,
        event_id=part.event_id,
        event_type=part.event_type,
        status=part.status,
        attempts=part.attempts,
        response_status=part.response_status,
        error=part.error,
        created_at=part.created_at.ToDatetime(UTC),
    )
