"""What Firestore's failures become."""

import pytest
from google.api_core.exceptions import DeadlineExceeded, PermissionDenied, RetryError, ServiceUnavailable

from shared.adapters.firestore import answering
from shared.errors import Malformed, Unavailable


@pytest.mark.parametrize(
    "failure", [ServiceUnavailable("x"), DeadlineExceeded("x"), PermissionDenied("x"), RetryError("x", None)]
)
def test_a_failure_is_unavailable(failure: Exception) -> None:
    """Whatever Firestore fails with, callers see 503."""
    with pytest.raises(Unavailable), answering():
        raise failure


def test_other_errors_pass() -> None:
    """Errors that are not Firestore's are left alone."""
    with pytest.raises(Malformed), answering():
        raise Malformed
