"""Tell what the service whose host this runs in has about an order, for operators."""

from dataclasses import asdict

from functions.platform.ports import HostWork
from shared.contracts.gen.operators_pb2 import TellRequest, TellResponse


def tell_order(request: TellRequest, work: HostWork) -> TellResponse:
    """Its events, postings, claim and deliveries, as far as they are this service's."""
    part = work.order_parts.tell(request.order_id, list(request.event_ids), list(request.user_ids))
    return TellResponse(
        events=part.events,
        postings=[TellResponse.Posting(**asdict(each)) for each in part.postings],
        claim=TellResponse.Claim(**asdict(part.claim)) if part.claim else None,
        deliveries=[TellResponse.Delivery(**asdict(each)) for each in part.deliveries],
    )
