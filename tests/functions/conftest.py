"""What tests of functions have in common: an island, where orders can be stopped anywhere and events be held back."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.protobuf.message import Message

from emulators.buyer import Person, fresh_key
from emulators.stack import Stack
from shared.adapters.rpc import RpcChannel, contract
from shared.config import read
from shared.errors import Forbidden
from shared.registry import load
from tests.island import Island
from tests.problems import refused, with_token, without


@pytest.fixture(scope="session")
def island(stack: Stack) -> Iterator[Island]:
    """Services on databases of their own, which all tests share: each has its own people, supplies and orders there."""
    with Island.off(stack) as running:
        yield running


@pytest.fixture(scope="session")
def guarded(stack: Stack, anyone: Callable[[], Person]) -> Callable[..., None]:
    """Makes sure that an HTTP operation lets in only tokens with its scope: `guarded("get_wallet", path, body)`."""
    person = anyone()

    def check(name: str, path: str, body: dict[str, Any] | None = None) -> None:
        row = load().rows[name]
        unlike = {"": "no token", "nonsense": "no JWT", person.access_token[:-4] + "AAAA": "another signature"}
        for token in unlike:
            response = with_token(person, token).request(row.method, path, body, fresh_key(), {"If-Match": "*"})
            refused(response, 401, "UNAUTHENTICATED")
            assert response.headers["WWW-Authenticate"] == "Bearer"
        lacking = without(person, row.scope or "", read(stack.environment))
        refused(lacking.request(row.method, path, body, fresh_key(), {"If-Match": "*"}), 403, "SCOPE_MISSING")

    return check


@pytest.fixture(scope="session")
def only_for_callers(rpc: Callable[[str, str], RpcChannel]) -> Callable[[str], None]:
    """Makes sure that an RPC answers only the services that its row names: `only_for_callers("place_hold")`."""

    def check(name: str) -> None:
        row = load().rows[name]
        method = contract(row.rpc or "")
        request: Message = method.request()
        strangers = {"", "nobody", *load().services} - set(row.callers)
        for caller in strangers:
            with pytest.raises(Forbidden):
                rpc(row.service, caller).call(row.rpc or "", request, method.response)

    return check
