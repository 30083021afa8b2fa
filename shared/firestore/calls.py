"""Firestore's timeouts, retries and errors, in one place. Google's client is only imported on first use."""

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
    """The retry policy. Aborted writes were not applied."""
    from google.api_core.exceptions import Aborted, ResourceExhausted, ServiceUnavailable
    from google.api_core.retry import Retry, if_exception_type

    again = if_exception_type(Aborted, ResourceExhausted, ServiceUnavailable)
    return Retry(predicate=again, initial=0.05, maximum=0.5, multiplier=2)


def call_options(seconds: float | None = None) -> dict[str, Any]:
    """The `timeout` (no longer than the caller waits) and `retry` to pass to every call.

    Raises Unavailable when no time is left.
    """
    timeout = time_for(PATIENCE_SECONDS if seconds is None else seconds)
    return {"retry": _again().with_timeout(timeout), "timeout": timeout}


@contextmanager
def guarded(breaker: Breaker, *, writes: bool = False) -> Iterator[None]:
    """Around calls of Firestore, behind its breaker. Raises Unavailable for errors that the block does not catch.

    Must not be nested: a caller that holds a place of the bulkhead must not wait for a second one.
    breaker: Firestore's; it counts server failures, not refusals.
    writes: may wait for concurrent writers of the same documents, so they count as hung only much later.
    """
    from google.api_core.exceptions import GoogleAPIError, RetryError, ServerError
    from google.auth.exceptions import GoogleAuthError

    try:
        policy = POLICIES[FIRESTORE_WRITES] if writes else None
        with breaker.guard((ServerError, RetryError, GoogleAuthError), policy):
            yield
    except (GoogleAPIError, GoogleAuthError) as error:
        raise Unavailable("The store of users and sessions does not answer.") from error
