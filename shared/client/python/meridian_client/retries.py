"""When a request is sent again: only what does no more when it is repeated, or what certainly did nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    Retrying,
    retry_base,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from .errors import problem

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
"""RFC 9110, section 9.2.2."""

REFUSED: Final = 429
UNAVAILABLE: Final = frozenset({502, 503, 504})
"""Answers that leave open whether the request had an effect."""

IN_PROGRESS: Final = "IDEMPOTENCY_IN_PROGRESS"
"""The code of a request whose first attempt is still being served."""

NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
BACKOFF: Final = wait_random_exponential(multiplier=0.2, max=10)


@dataclass(frozen=True)
class Retries:
    """How often a request is sent, with exponential backoff and full jitter between, or after Retry-After.

    attempts: how many times at most. within_seconds: none begins later than this after the first.
    """

    attempts: int = 8
    within_seconds: float = 60.0

    def attempts_of(self, repeatable: bool) -> Retrying:
        """What calls a function until its response or error is final, and returns or raises that.

        repeatable: whether sending the request twice does no more than sending it once.
        """
        return Retrying(
            stop=stop_after_attempt(self.attempts) | stop_before_delay(self.within_seconds),
            wait=_wait,
            retry=_Transient(repeatable),
            retry_error_callback=_last,
        )

    def async_attempts_of(self, repeatable: bool) -> AsyncRetrying:
        """The same for a coroutine function."""
        return AsyncRetrying(
            stop=stop_after_attempt(self.attempts) | stop_before_delay(self.within_seconds),
            wait=_wait,
            retry=_Transient(repeatable),
            retry_error_callback=_last,
        )


ONCE: Final = Retries(attempts=1)
"""Each request is sent once."""


def may_repeat(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request does no more when it is sent twice: by its method, or by its idempotency key."""
    return method in IDEMPOTENT or "Idempotency-Key" in headers


class _Transient(retry_base):
    """Whether an attempt's outcome calls for another one."""

    def __init__(self, repeatable: bool) -> None:
        self._repeatable = repeatable

    def __call__(self, retry_state: RetryCallState) -> bool:
        outcome = retry_state.outcome
        assert outcome is not None
        error = outcome.exception()
        if error is not None:
            return isinstance(error, httpx.TransportError if self._repeatable else NOT_SENT)
        response: httpx.Response = outcome.result()
        if response.status_code == REFUSED:
            return True
        if response.status_code in UNAVAILABLE:
            return self._repeatable
        return response.status_code == httpx.codes.CONFLICT and problem(response).get("code") == IN_PROGRESS


def _wait(retry_state: RetryCallState) -> float:
    """Seconds until the next attempt: what Retry-After says, and then some, so that clients do not come all at once."""
    outcome = retry_state.outcome
    assert outcome is not None
    after = "" if outcome.failed else outcome.result().headers.get("Retry-After", "")
    return BACKOFF(retry_state) + (int(after) if after.isdecimal() else 0)


def _last(retry_state: RetryCallState) -> httpx.Response:
    """The last attempt's response; raises its error."""
    assert retry_state.outcome is not None
    response: httpx.Response = retry_state.outcome.result()
    return response
