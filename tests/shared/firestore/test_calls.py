"""The mapping of Firestore's errors to ours."""

import pytest
from google.api_core.exceptions import DeadlineExceeded, PermissionDenied, RetryError, ServiceUnavailable

from shared.errors import Malformed, Unavailable
from shared.firestore.calls import guarded
from shared.resilience.breaker import Breaker
from shared.resilience.breakers import Breakers


@pytest.fixture
def breaker() -> Breaker:
    """Firestore's."""
    return Breakers().of("firestore")


@pytest.mark.parametrize(
    "failure", [ServiceUnavailable("x"), DeadlineExceeded("x"), PermissionDenied("x"), RetryError("x", None)]
)
def test_a_failure_is_unavailable(failure: Exception, breaker: Breaker) -> None:
    """Whatever Firestore fails with, callers see 503."""
    with pytest.raises(Unavailable), guarded(breaker):
        raise failure


def test_other_errors_pass(breaker: Breaker) -> None:
    """Errors that are not Firestore's are left alone."""
    with pytest.raises(Malformed), guarded(breaker):
        raise Malformed
