"""Sessions that ended in another region: the event updates this region's cache."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from msgspec import structs

from emulators.demo.api_user import ApiUser
from emulators.stack import secrets
from emulators.stack.stack import Stack
from shared import ids
from shared.auth.sessions import SessionChecker
from shared.config import read
from shared.contracts.events import StoredEvent
from shared.errors import Unavailable
from shared.outbox.firestore import read_stream
from shared.resources import Resources
from tests.isolated_services import IsolatedServices
from tests.problems import session_of


@pytest.fixture(scope="module")
def elsewhere(stack: Stack) -> Iterator[IsolatedServices]:
    """Another region: services with a cache of their own, and the same truth about sessions."""
    settings = read(stack.environment)
    other = structs.replace(settings, redis_url=settings.redis_url.removesuffix("/0") + "/1")
    with IsolatedServices(other, secrets.read(stack.layout.secrets, "postgres.password")) as running:
        yield running


def lives(region: Resources, person: ApiUser) -> bool:
    return region.sessions().alive(session_of(person), datetime.now(UTC))


def revoked(resources: Resources, person: ApiUser) -> list[StoredEvent]:
    """The events of a person's session."""
    return read_stream(resources.firestore(), session_of(person), 1, most=10)


def test_a_session_that_ended_elsewhere_ends_here(
    resources: Resources, elsewhere: IsolatedServices, anyone: Callable[[], ApiUser]
) -> None:
    """The session is alive in the cache until the event is applied, however often that is delivered."""
    person, other = anyone(), anyone()
    elsewhere.resources.sessions().beat(60)  # what a listener there says, which has not heard of it
    for somebody in (person, other):
        assert lives(elsewhere.resources, somebody)
    person.request("POST", "/v1/auth/sign-out", {"refresh_token": person.refresh_token}).raise_for_status()
    assert not lives(resources, person)
    assert lives(elsewhere.resources, person)  # it has not heard of it
    events = revoked(resources, person)
    assert [elsewhere.receive("end_sessions", event) for event in events] == ["applied"]
    assert not lives(elsewhere.resources, person)
    assert [elsewhere.receive("end_sessions", event) for event in events] == ["known"]
    elsewhere.handle("end_sessions", events[0])
    assert not lives(elsewhere.resources, person)
    assert lives(elsewhere.resources, other)


def test_a_cache_that_does_not_answer_is_told_again(
    resources: Resources, elsewhere: IsolatedServices, anyone: Callable[[], ApiUser]
) -> None:
    """The event is not acknowledged, and is applied when it is delivered again."""
    person = anyone()
    assert lives(elsewhere.resources, person)
    person.request("POST", "/v1/auth/sign-out", {"refresh_token": person.refresh_token}).raise_for_status()
    (event,) = revoked(resources, person)

    def fails(*_: object) -> None:
        raise Unavailable

    with patch.object(SessionChecker, "record_ended", fails), pytest.raises(Unavailable):
        elsewhere.receive("end_sessions", event)
    assert elsewhere.receive("end_sessions", event) == "applied"
    assert not lives(elsewhere.resources, person)


def test_redis_that_is_away_raises(elsewhere: IsolatedServices) -> None:
    """A swallowed error would count as success."""
    away = structs.replace(elsewhere.settings, redis_url="redis://127.0.0.1:1/0")
    with pytest.raises(Unavailable):
        Resources(away).sessions().record_ended(ids.new("ses", "us"))
