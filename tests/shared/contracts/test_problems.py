"""Every error has one status, one code and one form."""

import ast
import json
import re
from importlib import import_module
from pathlib import Path

import pytest

import functions
from shared import errors
from shared.auth import token_errors
from shared.contracts import problems

CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")


def everywhere() -> list[type[errors.MeridianError]]:
    """The whole tree, wherever in production code a class of it stands."""
    root = Path(functions.__path__[0]).parent
    paths = [path for folder in ("functions", "shared") for path in sorted((root / folder).rglob("*.py"))]
    classes = [
        (path, node.name, {base.id for base in node.bases if isinstance(base, ast.Name)})
        for path in paths
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    ]
    names = {"MeridianError"}
    while more := {name for _, name, bases in classes if bases & names} - names:
        names |= more
    found = [(path, name) for path, name, _ in classes if name in names]
    modules = {path: ".".join(path.relative_to(root).with_suffix("").parts) for path, _ in found}
    kinds = [getattr(import_module(modules[path]), name) for path, name in found]
    return [kind for kind in kinds if issubclass(kind, errors.MeridianError)]  # an event may have an error's name


ERRORS = everywhere()
DIRECT = [kind for kind in ERRORS if errors.MeridianError in kind.__bases__]


def test_the_table_covers_the_tree(subtests: pytest.Subtests) -> None:
    """Each branch stands in the table by itself: none falls to 500 by oversight."""
    for kind in DIRECT:
        with subtests.test(kind=kind.__name__):
            assert kind in problems.STATUS
            assert problems.STATUS[kind] < 500 or issubclass(kind, errors.Unavailable | errors.Contended)


def test_an_error_says_what_it_is(subtests: pytest.Subtests) -> None:
    """Its docstring is its message, a sentence; its code is stable and in capitals."""
    for kind in ERRORS:
        with subtests.test(kind=kind.__name__):
            error = kind()
            assert CODE.fullmatch(error.code)
            assert re.fullmatch(r"[A-Z].*\.|.*: .*\.", error.detail, re.DOTALL), error.detail
            assert str(error) == error.detail


def test_an_error_is_a_problem_document(subtests: pytest.Subtests) -> None:
    """RFC 9457, with a code and the request's id; only malformed requests list fields."""
    for kind in ERRORS:
        with subtests.test(kind=kind.__name__):
            problem = json.loads(problems.body_of(kind(), "req_1"))
            assert set(problem) - {"errors"} == {"type", "title", "status", "detail", "code", "request_id"}
            assert problem["status"] == problems.status_of(kind())
            assert problem["request_id"] == "req_1"
            assert ("errors" in problem) == issubclass(kind, errors.Malformed | errors.MatchRequired)
            assert problem.get("errors", [{"field": "", "message": ""}])[0].keys() == {"field", "message"}


def test_the_drawing_is_the_tree() -> None:
    """What stands at the top of errors.py names each shared error with the status of the table, and no other."""
    drawn = dict(re.findall(r"[|`]- (\w+) +(\d{3}) ", errors.__doc__ or ""))
    shared = {kind.__name__: str(problems.status_of(kind())) for kind in ERRORS if kind.__module__ == "shared.errors"}
    shared.pop("MeridianError")
    assert drawn == shared


def test_what_waiting_may_mend_says_how_long() -> None:
    """409 in progress, 429 and 503 carry Retry-After, nothing else does; 401 says what is wanted."""
    for kind in ERRORS:
        headers = problems.headers_of(kind())
        waits = issubclass(kind, errors.KeyInUse | errors.Limited | errors.Unavailable | errors.Contended)
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
    problem = json.loads(problems.body_of(errors.Malformed("must be a number", field="items.quantity"), "req_1"))
    assert problem["errors"] == [{"field": "items.quantity", "message": "must be a number"}]
    assert problem["detail"] == "`items.quantity` must be a number."


def test_a_challenge_says_what_is_wrong_with_the_token() -> None:
    """As RFC 6750 has it: nothing without one, else why it is refused, or the scope that it lacks."""

    def challenge(error: errors.MeridianError) -> str | None:
        return problems.headers_of(error).get("WWW-Authenticate")

    assert challenge(token_errors.TokenMissing()) == "Bearer"
    described = 'error_description="The access token has expired: refresh the session."'
    assert challenge(token_errors.TokenExpired()) == f'Bearer error="invalid_token", {described}'
    assert challenge(errors.Forbidden(scope="order:read")) == 'Bearer error="insufficient_scope", scope="order:read"'
    quoted = [challenge(kind()) or "" for kind in ERRORS if issubclass(kind, errors.Unauthenticated)]
    assert all(re.fullmatch(r'Bearer( error="\w+", error_description="[ -!#-\[\]-~]+")?', each) for each in quoted)


def test_an_error_nobody_has_put_into_the_table_is_its_nearest_ancestors() -> None:
    """A service's own refusal is a conflict, and one that is like nothing is our fault."""

    class Odd(errors.MeridianError):
        """Odd."""

    class Late(errors.Refusal):
        """Too late."""

    assert problems.status_of(Odd()) == 500
    assert problems.status_of(Late()) == 409
