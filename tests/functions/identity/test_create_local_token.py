"""Tokens without a wallet at hand, on the local stack."""

from collections.abc import Callable

import httpx
import pytest

from emulators.demo import people
from emulators.demo.api_user import ApiUser
from emulators.stack.stack import Stack
from shared.registry import load


@pytest.mark.parametrize("person", ["merchant", "buyer", "operator"])
def test_a_person_is_signed_in(person: str, edge: httpx.Client, stack: Stack) -> None:
    """Twice the same person is the same user, with another session, and the one whose key the stack has."""
    first, second = (edge.post("/v1/local/token", json={"person": person}).json() for _ in range(2))
    assert first["access_token"] != second["access_token"]
    assert first["user_id"] == second["user_id"] == people.sign_in(stack, person).user_id


def test_the_operator_is_one(edge: httpx.Client) -> None:
    """And the others are not."""
    seen = {}
    for person in ("merchant", "buyer", "operator"):
        token = edge.post("/v1/local/token", json={"person": person}).json()["access_token"]
        seen[person] = edge.get("/v1/operator/parked", headers={"Authorization": f"Bearer {token}"}).status_code
    assert seen == {"merchant": 403, "buyer": 403, "operator": 200}


def test_nobody_else_is_signed_in(edge: httpx.Client, anyone: Callable[[], ApiUser]) -> None:
    """There is no way to name somebody else."""
    for body in ({"person": anyone().address}, {"person": ""}, {}, {"person": "buyer", "address": "0x0"}):
        assert edge.post("/v1/local/token", json=body).status_code == 400


def test_it_never_leaves_the_local_stack() -> None:
    """No deployment has it, whatever its secrets are."""
    assert load().rows["create_local_token"].environment == "local"
