"""What operators see of one purchase."""

from typing import Annotated

import msgspec

from functions.platform.domain.story import ClaimState, Occurrence, Story
from functions.platform.views import SignedAmount
from shared.contracts.fields import (
    ChainId,
    ClaimId,
    CurrencyCode,
    DeliveryId,
    EventData,
    EventId,
    EventType,
    OrderId,
    ShownAddress,
    TransactionHash,
    TransferId,
    WebhookId,
    example_id,
)
from shared.contracts.operations import Time, View

ServiceName = Annotated[str, msgspec.Meta(examples=["order"])]
TraceId = Annotated[str, msgspec.Meta(examples=["4bf92f3577b34da6a3ce929d0e0e4736"])]


class StoryEventView(View):
    """An event of the order, its reservations, its hold, its transfers or its claim."""

    service: ServiceName
    """The service whose event it is."""

    id: EventId
    """The event's id."""

    subject: Annotated[str, msgspec.Meta(examples=[example_id("ord")])]
    """The id of what it happened to: the event's stream."""

    version: Annotated[int, msgspec.Meta(examples=[1])]
    """Its place among the events of its subject, from 1."""

    type: EventType
    """What happened."""

    data: EventData
    """The event's data."""

    at: Time
    """When it happened."""

    trace_id: TraceId | None
    """The trace that it is part of; null for none."""

    @classmethod
    def of(cls, occurrence: Occurrence) -> "StoryEventView":
        """What operators see of an event."""
        return cls(
            service=occurrence.service,
            id=occurrence.event_id,
            subject=occurrence.stream,
            version=occurrence.version,
            type=occurrence.type,
            data=dict(occurrence.data),
            at=occurrence.at,
            trace_id=occurrence.trace_id or None,
        )


class PostingView(View):
    """A leg of one of the order's transfers; those of a transfer come to 0 per currency."""

    transfer_id: TransferId
    """The transfer."""

    kind: Annotated[str, msgspec.Meta(examples=["capture"])]
    """`capture` (the buyer has paid), `settlement` (the merchant is paid) or `refund`."""

    account: Annotated[str, msgspec.Meta(examples=["escrow"])]
    """The wallet's id, or the name of one of the house's accounts."""

    currency: CurrencyCode
    """The currency."""

    amount: SignedAmount
    """What it changes there, in atomic units, with its sign."""

    at: Time
    """When it was posted."""


class StoryClaimView(View):
    """The order's claim, and what the chain has of it."""

    id: ClaimId
    """The claim's id."""

    status: Annotated[str, msgspec.Meta(examples=["processed"])]
    """`open`: there is no voucher yet; `claimed`, `processing`, `processed` and `failed` as of a claim; `voided`."""

    recipient: ShownAddress | None
    """Who gets what was bought; null while it is open."""

    chain_id: ChainId
    """The chain on which it is redeemed."""

    transaction_hash: TransactionHash | None
    """The transaction that redeemed it; null until then."""

    block_number: Annotated[int, msgspec.Meta(examples=[42])] | None
    """The block of that transaction; null until then."""

    failure: Annotated[str, msgspec.Meta(examples=["The contract refused the voucher."])] | None
    """Why the house could not redeem it; null if it did not fail."""

    @classmethod
    def of(cls, claim: ClaimState) -> "StoryClaimView":
        """What operators see of a claim."""
        return cls(
            id=claim.id,
            status=claim.status,
            recipient=claim.recipient or None,
            chain_id=claim.chain_id,
            transaction_hash=claim.transaction_hash or None,
            block_number=claim.block_number or None,
            failure=claim.failure or None,
        )


class StoryDeliveryView(View):
    """A delivery of one of the order's events to a webhook of its buyer or its merchant."""

    id: DeliveryId
    """The delivery's id."""

    webhook_id: WebhookId
    """The webhook."""

    event_id: EventId
    """The event that is delivered."""

    event_type: EventType
    """Its type."""

    status: Annotated[str, msgspec.Meta(examples=["delivered"])]
    """`pending`, `delivered` or `failed`."""

    attempts: Annotated[int, msgspec.Meta(examples=[1])]
    """How often it was tried."""

    response_status: Annotated[int, msgspec.Meta(examples=[200])] | None
    """The HTTP status of the last response; null if there was none."""

    error: Annotated[str, msgspec.Meta(examples=["the connection was refused"])] | None
    """What prevented a response the last time; null if nothing did."""

    created_at: Time
    """When it was made."""


class StoryView(View):
    """What every service knows about an order."""

    order_id: OrderId
    """The order."""

    events: list[StoryEventView]
    """What happened, by time."""

    postings: list[PostingView]
    """What its transfers have moved in its own cell; what is due to a merchant of another one goes into `transit`."""

    claim: StoryClaimView | None
    """Its claim; null while there is none."""

    deliveries: list[StoryDeliveryView]
    """The deliveries of its events that are kept."""

    traces: list[TraceId]
    """The traces that its events are part of, in their order."""

    unchecked: list[Annotated[str, msgspec.Meta(examples=["notification in eu"])]]
    """The services, with their cells, that did not answer: what they know is missing."""

    @classmethod
    def of(cls, order_id: str, story: Story) -> "StoryView":
        """What operators see of it."""
        return cls(
            order_id=order_id,
            events=[StoryEventView.of(each) for each in story.occurrences],
            postings=[
                PostingView(p.transfer_id, p.kind, p.account, p.currency, p.amount, p.at) for p in story.postings
            ],
            claim=StoryClaimView.of(story.claim) if story.claim else None,
            deliveries=[
                StoryDeliveryView(
                    id=each.id,
                    webhook_id=each.webhook_id,
                    event_id=each.event_id,
                    event_type=each.event_type,
                    status=each.status,
                    attempts=each.attempts,
                    response_status=each.response_status or None,
                    error=each.error or None,
                    created_at=each.created_at,
                )
                for each in story.deliveries
            ],
            traces=list(dict.fromkeys(each.trace_id for each in story.occurrences if each.trace_id)),
            unchecked=list(story.unchecked),
        )
