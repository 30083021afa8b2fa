"""Firestore's patience and its failures, in one place. Imported without Google's client, which loads on first use."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from shared.errors import Unavailable
from shared.resilience.breaker import Breaker
from shared.resilience.deadline import time_for
from shared.resilience.policies import FIRESTORE_WRITES, POLICIES

PATIENCE_SECONDS: Final = POLICIES["firestore"].timeout_seconds


@cache
def _again() -> Any:
    """What to try again. What was aborted was not done."""
    from google.api_core.exceptions import Aborted, ResourceExhausted, ServiceUnavailable
    from google.api_core.retry import Retry, if_exception_type

    again = if_exception_type(Aborted, ResourceExhausted, ServiceUnavailable)
    return Retry(predicate=again, initial=0.05, maximum=0.5, multiplier=2)


def patience(seconds: float | None = None) -> dict[str, Any]:
    """What to pass to every call: how long to try, no longer than one's own caller waits, and what to try again.

    Raises Unavailable when no time is left.
    """
    timeout = time_for(PATIENCE_SECONDS if seconds is None else seconds)
    return {"retry": _again().with_timeout(timeout), "timeout": timeout}


@contextmanager
def answering(breaker: Breaker, *, writes: bool = False) -> Iterator[None]:
    """Calls that Firestore must answer. Raises Unavailable when it does not; refusals are caught inside.

    There is none within another: who holds a place of the bulkhead must not wait for a second.
    breaker: Firestore's; it counts what is the server's failure, and not what the server refuses.
    writes: they may wait for others that write the same documents, and hang only when they take much longer.
    """
    from google.api_core.exceptions import GoogleAPIError, RetryError, ServerError
    from google.auth.exceptions import GoogleAuthError

    try:
        policy = POLICIES[FIRESTORE_WRITES] if writes else None
        with breaker.guard((ServerError, RetryError, GoogleAuthError), policy):
            yield
    except (GoogleAPIError, GoogleAuthError) as error:
        raise Unavailable("The store of users and sessions does not answer.") from error
