"""What tests of functions have in common: isolated services, where orders stop at any step and events are held back."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.protobuf.message import Message

from emulators.demo.api_user import ApiUser, fresh_key
from emulators.stack.stack import Stack
from shared.config import read
from shared.errors import Forbidden
from shared.registry import load
from shared.rpc.channel import RpcChannel, rpc_method
from tests.isolated_services import IsolatedServices
from tests.problems import refused, with_token, without


@pytest.fixture(scope="session")
def isolated(stack: Stack) -> Iterator[IsolatedServices]:
    """Services on databases of their own, which all tests share: each has its own people, supplies and orders there."""
    with IsolatedServices.within(stack) as running:
        yield running


@pytest.fixture(scope="session")
def guarded(stack: Stack, anyone: Callable[[], ApiUser]) -> Callable[..., None]:
    """Makes sure that an HTTP operation lets in only tokens with its scope: `guarded("get_wallet", path, body)`."""
    person = anyone()

    def check(name: str, path: str, body: dict[str, Any] | None = None) -> None:
        row = load().rows[name]
        unlike = {"nonsense": "no JWT", person.access_token[:-4] + "AAAA": "another signature"}
        for token in [*([] if row.anonymous else [""]), *unlike]:
            response = with_token(person, token).request(row.method, path, body, fresh_key(), {"If-Match": "*"})
            refused(response, 401, "UNAUTHENTICATED")
            assert response.headers["WWW-Authenticate"].startswith("Bearer")
        lacking = without(person, row.scope or "", read(stack.environment))
        refused(lacking.request(row.method, path, body, fresh_key(), {"If-Match": "*"}), 403, "SCOPE_MISSING")

    return check


@pytest.fixture(scope="session")
def only_for_callers(rpc: Callable[[str, str], RpcChannel]) -> Callable[[str], None]:
    """Makes sure that an RPC answers only the services that its row names: `only_for_callers("place_hold")`."""

    def check(name: str) -> None:
        row = load().rows[name]
        method = rpc_method(row.rpc or "")
        request: Message = method.request()
        strangers = {"", "nobody", *load().services} - set(row.callers)
        for caller in strangers:
            with pytest.raises(Forbidden):
                rpc(row.service, caller).call(row.rpc or "", request, method.response)

    return check
