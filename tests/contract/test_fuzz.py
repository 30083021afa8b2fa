"""Fuzzed requests, generated from the document: never a 500, and every response matches the document."""

from copy import deepcopy
from typing import Any, Final

import schemathesis
from hypothesis import HealthCheck, assume, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance, unsupported_method

from emulators.demo.api_user import fresh_key
from emulators.stack.stack import Stack
from tests.contract.api import DOCUMENT, Api
from tests.contract.conftest import World, hook_of

# Without If-Match it is 428 (RFC 6585), which the check does not know of.
CHECKS: Final = {"missing_required_header": {"expected-statuses": [400, 401, 403, 406, 415, 422, 428]}}
SHORT = SchemathesisConfig.from_dict({"checks": CHECKS, "phases": {"coverage": {"enabled": False}}})
DESCRIBED = schemathesis.openapi.from_dict(DOCUMENT, config=SHORT)
UNHURRIED: Final = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)

# A schema cannot say which address has its checksum, or which token was issued: some of what fits it is 400. And the
# edge itself takes QUERY for malformed when it has no body. test_answers.py and test_routes.py hold to both promises.
LEFT_OUT: Final = [positive_data_acceptance, unsupported_method]


def ask(case: schemathesis.Case[Any], api: Api, stack: Stack, world: World) -> None:
    """Send a made-up request of the owner of everything, and hold its answer against the document.

    A good one whose ids name nothing is sent again with those of things that there are.
    """
    # A parameter whose value is empty is not sent at all, so that the request is not the wrong one that was meant.
    assume(all(is_sent(value) for value in (case.query or {}).values()))
    good = case.meta is not None and case.meta.generation.mode.is_positive
    if good and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = fresh_key()
    send(case, api, stack)
    if good and named(case, world):
        send(case, api, stack)


def is_sent(value: Any) -> bool:
    """Whether a query parameter with this value is part of the request."""
    return value not in ([], {}, None) and not (isinstance(value, list) and all(one in ([], {}, None) for one in value))


def send(case: schemathesis.Case[Any], api: Api, stack: Stack) -> None:
    """Send it as it is."""
    headers = {"Authorization": f"Bearer {api.token()}"}
    answer = case.call_and_validate(base_url=stack.edge_url, headers=headers, excluded_checks=LEFT_OUT)
    assert answer.status_code < 500, answer.text
    assert answer.headers["x-request-id"], answer.headers


def named(case: schemathesis.Case[Any], world: World) -> bool:
    """Put existing ids into a request; returns whether there was a place for any."""
    # They may be the examples of the document itself, which other tests read.
    case.body, case.path_parameters = deepcopy(case.body), deepcopy(case.path_parameters)
    body: Any = case.body if isinstance(case.body, dict) else {}
    places: list[dict[str, Any]] = [case.path_parameters or {}, body, *body.get("items", [])]
    known, found = world.known, False
    if case.method == "DELETE" and "webhook_id" in (case.path_parameters or {}):
        known = {**known, **hook_of(world.owner)}  # it is gone after that
    for place in places:
        for name in place.keys() & known.keys():
            place[name] = known[name]
            found = True
    return found


@DESCRIBED.parametrize()
@settings(UNHURRIED, max_examples=10, derandomize=True)
def test_fuzz(case: schemathesis.Case[Any], api: Api, stack: Stack, fuzzed: World) -> None:
    """The same few requests on every run."""
    ask(case, api, stack, fuzzed)
