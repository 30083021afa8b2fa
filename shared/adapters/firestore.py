"""Firestore's patience and its failures, in one place. Imported without Google's client, which loads on first use."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from shared.errors import Unavailable

PATIENCE_SECONDS: Final = 5.0


@cache
def patience(seconds: float | None = None) -> dict[str, Any]:
    """What to pass to every call: how long to try, and what to try again. What was aborted was not done."""
    from google.api_core.exceptions import Aborted, ResourceExhausted, ServiceUnavailable
    from google.api_core.retry import Retry, if_exception_type

    seconds = PATIENCE_SECONDS if seconds is None else seconds
    again = if_exception_type(Aborted, ResourceExhausted, ServiceUnavailable)
    retry = Retry(predicate=again, initial=0.05, maximum=0.5, multiplier=2, timeout=seconds)
    return {"retry": retry, "timeout": seconds}


@contextmanager
def answering() -> Iterator[None]:
    """Calls that Firestore must answer. Raises Unavailable when it does not; refusals are caught inside."""
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except (GoogleAPIError, GoogleAuthError) as error:
        raise Unavailable("The store of users and sessions does not answer.") from error
