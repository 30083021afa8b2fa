"""Drop sessions that ended in another region from this region's cache.

The region in which a session ends updates its own cache at once; this consumer updates the others, so that no voucher
is signed for the session there either. It receives the events that any cell's relay publishes: whoever comes first
publishes them, to its own cell's topics. It runs in the claiming service, because a consumer needs a database for its
inbox, and the identity service has none.
"""

from functions.claiming.ports import SessionWork
from shared.contracts.events import Event
from shared.contracts.gen.identity_events_pb2 import SessionRevoked


def end_sessions(event: Event[SessionRevoked], work: SessionWork) -> None:
    """Mark the session ended in this region's cache. Raises Unavailable, so that the event is delivered again."""
    work.sessions.record_ended(event.data.session_id)
