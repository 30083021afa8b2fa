"""Who the caller is, and the keys to check it with."""

from typing import Any

import pytest

from functions.identity.adapters.work import Work
from functions.identity.domain.users import Grants
from functions.identity.read_keys import read_keys
from functions.identity.read_me import read_me
from functions.identity.read_profile import read_profile
from shared import ids
from shared.contracts.operations import Caller
from shared.errors import NotFound
from tests.functions.identity.fakes import ApiUser
from tests.functions.identity.test_sign_in import enter


def test_callers_see_themselves(work: Any, person: ApiUser) -> None:
    """The answer names the user, the roles of now, and the scopes of the token."""
    user_id = enter(work, person).user_id
    work.__dict__["grants"] = Grants(everyone_sells=True)
    view = read_me(Caller(user_id, ids.new("ses", "us"), frozenset({"order:read", "claim:read"})), work)
    assert (view.user_id, view.address, view.home_region) == (user_id, person.address, "us-central1")
    assert (view.roles, view.scopes) == (["merchant"], ["claim:read", "order:read"])


def test_both_versions_tell_the_same(work: Any, person: ApiUser) -> None:
    """The first version's answer is the second one's in other words."""
    caller = Caller(enter(work, person).user_id, ids.new("ses", "us"), frozenset({"order:read"}))
    first, second = read_me(caller, work), read_profile(caller, work)
    assert (first.user_id, first.home_region) == (second.id, second.home.region)
    assert (first.address, first.roles, first.scopes) == (second.address, second.roles, second.scopes)
    assert (second.home.cell, second.id.split("_")[1]) == ("us", "us")


def test_an_unknown_user_is_not_found(work: Any) -> None:
    """A token of a user that is not there finds nothing."""
    with pytest.raises(NotFound):
        read_profile(Caller(ids.new("usr", "us"), "", frozenset()), work)


def test_only_public_halves_are_published(real_work: Work) -> None:
    """A published key has nothing but the public members of RFC 7517 and 7518."""
    (key,) = read_keys(real_work).keys
    assert set(key.__struct_fields__) == {"kty", "use", "alg", "kid", "n", "e"}
    assert (key.kty, key.alg, key.use) == ("RSA", "RS256", "sig")
