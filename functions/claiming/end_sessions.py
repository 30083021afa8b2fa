"""Hear of sessions that ended in another region.

Where a session ends, its region's cache is told at once; this tells the others', so that no voucher is signed for it
there either. It is at home with those that ask for sessions: the identity service has no database to remember by what
it has heard.
"""

from functions.claiming.ports import SessionWork
from shared.contracts.events import Event
from shared.contracts.gen.identity_events_pb2 import SessionRevoked


def end_sessions(event: Event[SessionRevoked], work: SessionWork) -> None:
    """Have nobody in this region believe that the session lives. Raises Unavailable: then the event comes again."""
    work.sessions.tell_ended(event.data.session_id)
