"""Roles: who gets them, when they apply, and their event."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from functions.identity.adapters.work import Work
from functions.identity.domain.users import EVERYONE, Grants
from functions.identity.grant_roles import GrantRoles, grant_roles
from functions.identity.refresh_session import RefreshSession, refresh_session
from shared import ids
from shared.contracts.operations import Caller
from shared.errors import Malformed, NotFound, Unavailable
from shared.outbox.firestore import read_stream
from shared.runtime.decode import to_request
from shared.runtime.tokens import verify
from tests.clocks import FakeClock
from tests.functions.identity.fakes import ApiUser
from tests.functions.identity.test_sign_in import enter
from tests.samples import sample_id

OPERATOR = Caller(ids.new("usr", "us"), ids.new("ses", "us"), frozenset({"operator"}))


def grant(work: Any, user_id: str, *roles: Any) -> list[str]:
    return list(grant_roles(GrantRoles(user_id, list(roles)), OPERATOR, work).roles)


def test_roles_replace_those_before(work: Any, person: ApiUser) -> None:
    """What is granted is all that there is: named twice it counts once, and an empty list takes all away."""
    user_id = enter(work, person).user_id
    assert grant(work, user_id, "merchant") == ["merchant"]
    assert grant(work, user_id, "operator", "merchant", "operator") == ["merchant", "operator"]
    assert work.users.get(user_id).roles == ("merchant", "operator")
    assert grant(work, user_id, "operator") == ["operator"]
    assert grant(work, user_id) == []
    assert work.users.get(user_id).roles == ()


def test_roles_apply_from_the_next_refresh(real_work: Work, person: ApiUser, clock: FakeClock) -> None:
    """A token that is out keeps its scopes; the next one has those of the new roles, and of the lost ones none."""
    clock.moment = datetime.now(UTC)
    tokens = enter(real_work, person)

    def refreshed(*roles: str) -> frozenset[str]:
        nonlocal tokens
        grant(real_work, tokens.user_id, *roles)
        assert verify(real_work.settings, tokens.access_token, clock.now()).scopes == before
        tokens = refresh_session(RefreshSession(refresh_token=tokens.refresh_token), real_work)
        return verify(real_work.settings, tokens.access_token, clock.now()).scopes

    before = frozenset(EVERYONE)
    before = refreshed("merchant")
    assert before == frozenset({*EVERYONE, "supply:write", "webhook:write"})
    before = refreshed("operator")
    assert before == frozenset({*EVERYONE, "operator"})
    assert refreshed() == frozenset(EVERYONE)


def test_roles_of_the_configuration_stay(work: Any, person: ApiUser) -> None:
    """Nobody takes the operator's role from an address that the configuration names."""
    user_id = enter(work, person).user_id
    work.__dict__["grants"] = Grants(frozenset({person.address.lower()}))
    assert grant(work, user_id, "merchant") == ["merchant", "operator"]
    assert grant(work, user_id) == ["operator"]
    assert work.users.get(user_id).roles == ()


@pytest.mark.parametrize("user_id", [sample_id("usr"), sample_id("ses"), "", ".", "..", "__x__", "a/b", "x" * 2000])
def test_an_unknown_user_is_not_found(work: Any, user_id: str) -> None:
    """Whatever an id looks like, it is the id of nobody."""
    with pytest.raises(NotFound):
        grant(work, user_id, "merchant")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"roles": "merchant"},
        {"roles": None},
        {"roles": ["Merchant"]},
        {"roles": ["merchant", "admin"]},
        {"roles": [""]},
        {"roles": [1]},
        {"roles": [["merchant"]]},
        {"roles": {"merchant": True}},
        {"roles": [], "role": "operator"},
    ],
)
def test_unknown_roles_are_malformed(body: dict[str, Any]) -> None:
    """400, for one unknown role among known ones too."""
    with pytest.raises(Malformed):
        to_request(GrantRoles, {"user_id": ids.new("usr", "us")}, [], body)


def test_each_change_is_told_once(real_work: Work, person: ApiUser) -> None:
    """roles.granted follows user.created on the user's stream, with who did it; no change, no event."""
    user_id = enter(real_work, person).user_id
    for roles in (["merchant"], ["merchant"], ["merchant", "operator"], ["operator", "merchant"], []):
        grant(real_work, user_id, *roles)
    created, *granted = read_stream(real_work.resources.firestore(), user_id, 1, 10)
    assert created.type == "user.created"
    assert [event.type for event in granted] == ["roles.granted"] * 3
    assert [event.version for event in granted] == [2, 3, 4]
    assert [event.data["roles"] for event in granted] == [["merchant"], ["merchant", "operator"], []]
    assert {event.data["granted_by"] for event in granted} == {OPERATOR.user_id}
    assert {event.data["user_id"] for event in granted} == {user_id}


def test_grants_at_once_are_all_told(work: Any, person: ApiUser) -> None:
    """Operators who change one user at the same moment are all answered, and one of them has the last word."""
    user_id = enter(work, person).user_id
    wanted: list[list[Any]] = [["merchant"], ["operator"], ["merchant", "operator"]]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda roles: grant(work, user_id, *roles), wanted))
    assert answers == wanted
    last = work.users.get(user_id)
    assert list(last.roles) in wanted
    assert last.version <= 4


def test_firestore_down_is_unavailable(settings: Any, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is granted that cannot be recorded."""
    from shared.firestore import calls as firestore
    from shared.resources import Resources

    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    monkeypatch.setattr(firestore, "PATIENCE_SECONDS", 0.5)
    with pytest.raises(Unavailable):
        grant(Work(Resources(settings, clock), "identity"), ids.new("usr", "us"), "merchant")


def test_the_request_is_as_the_contract_has_it() -> None:
    """The user comes from the path, the roles from the body."""
    user_id = ids.new("usr", "us")
    request = to_request(GrantRoles, {"user_id": user_id}, [], {"roles": ["merchant"]})
    assert msgspec.to_builtins(request) == {"user_id": user_id, "roles": ["merchant"]}
