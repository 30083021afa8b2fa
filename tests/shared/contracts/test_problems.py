"""Every error has one status, one code and one form."""

import json
import pkgutil
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import functions
from shared import errors
from shared.contracts import problems

CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")

SPECIAL: dict[type[errors.MeridianError], tuple[Any, ...]] = {}
"""What classes want to be made with; none wants anything."""


def everywhere() -> list[type[errors.MeridianError]]:
    """The whole tree: the shared errors, and those of each service's domain."""
    for service in pkgutil.iter_modules(functions.__path__):
        if service.ispkg and (Path(functions.__path__[0]) / service.name / "domain" / "errors.py").exists():
            import_module(f"functions.{service.name}.domain.errors")
    found, waiting = [], [errors.MeridianError]
    while waiting:
        kind = waiting.pop()
        found.append(kind)
        waiting += [each for each in kind.__subclasses__() if each.__module__.startswith(("shared.", "functions."))]
    return sorted(set(found), key=lambda kind: (kind.__module__, kind.__qualname__))


ERRORS = everywhere()
DIRECT = [kind for kind in ERRORS if errors.MeridianError in kind.__bases__]


@pytest.mark.parametrize("kind", DIRECT, ids=lambda kind: kind.__name__)
def test_the_table_covers_the_tree(kind: type[errors.MeridianError]) -> None:
    """Each branch stands in the table by itself: none falls to 500 by oversight."""
    assert kind in problems.STATUS
    assert problems.STATUS[kind] < 500 or issubclass(kind, errors.Unavailable | errors.Contended)


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_an_error_says_what_it_is(kind: type[errors.MeridianError]) -> None:
    """Its docstring is its message, a sentence; its code is stable and in capitals."""
    error = kind()
    assert CODE.fullmatch(error.code)
    assert re.fullmatch(r"[A-Z].*\.|.*: .*\.", error.detail, re.DOTALL), error.detail
    assert str(error) == error.detail


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_an_error_is_a_problem_document(kind: type[errors.MeridianError]) -> None:
    """RFC 9457, with a code and the request's id; only malformed requests list fields."""
    problem = json.loads(problems.body_of(kind(), "req_1"))
    assert set(problem) - {"errors"} == {"type", "title", "status", "detail", "code", "request_id"}
    assert problem["status"] == problems.status_of(kind())
    assert problem["request_id"] == "req_1"
    assert ("errors" in problem) == issubclass(kind, errors.Malformed)
    assert problem.get("errors", [{"field": "", "message": ""}])[0].keys() == {"field", "message"}


def test_the_drawing_is_the_tree() -> None:
    """What stands at the top of errors.py names each shared error with the status of the table, and no other."""
    drawn = dict(re.findall(r"[|`]- (\w+) +(\d{3}) ", errors.__doc__ or ""))
    shared = {kind.__name__: str(problems.status_of(kind())) for kind in ERRORS if kind.__module__ == "shared.errors"}
    shared.pop("MeridianError")
    shared.pop("KeyRequired")  # a Malformed of the runtime's; the drawing gives its code
    assert drawn == shared


def test_what_waiting_may_mend_says_how_long() -> None:
    """409 in progress and 503 carry Retry-After, nothing else does; 401 says what is wanted."""
    for kind in ERRORS:
        headers = problems.headers_of(kind())
        waits = issubclass(kind, errors.KeyInUse | errors.Unavailable | errors.Contended)
        assert ("Retry-After" in headers) == waits
        assert headers.get("Retry-After", "1").isdecimal()
        assert ("WWW-Authenticate" in headers) == issubclass(kind, errors.Unauthenticated)
        assert headers["Content-Type"] == "application/problem+json"
        assert headers["Cache-Control"] == "no-store"


def test_an_error_may_say_more() -> None:
    """A more special code, a detail of its own and further members reach the caller."""
    refusal = errors.Refusal("Two are left.", code="SOLD_OUT", order_id="ord_us_1")
    problem = json.loads(problems.body_of(refusal, "req_1"))
    assert (problem["status"], problem["code"], problem["detail"]) == (409, "SOLD_OUT", "Two are left.")
    assert problem["order_id"] == "ord_us_1"


def test_a_malformed_request_names_the_field() -> None:
    """The list of errors holds the field and why."""
    problem = json.loads(problems.body_of(errors.Malformed("not a number", field="items.quantity"), "req_1"))
    assert problem["errors"] == [{"field": "items.quantity", "message": "not a number"}]


def test_an_error_nobody_has_put_into_the_table_is_its_nearest_ancestors() -> None:
    """A service's own refusal is a conflict, and one that is like nothing is our fault."""

    class Odd(errors.MeridianError):
        """Odd."""

    class Late(errors.Refusal):
        """Too late."""

    assert problems.status_of(Odd()) == 500
    assert problems.status_of(Late()) == 409
