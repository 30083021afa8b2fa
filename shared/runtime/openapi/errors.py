"""Which errors an operation can end in: those that its row's checks raise, and those that its docstring says it raises.

A docstring names error classes after `Raises`, in words (tests/architecture/test_errors.py holds that to the code). One
that has no code of its own stands for the errors derived from it.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Final

from shared import errors
from shared.contracts import edge_errors
from shared.contracts.problems import error_classes, status_of, title_of
from shared.errors import MeridianError
from shared.registry import Row
from shared.runtime.openapi.operations import WITH_BODY
from shared.runtime.openapi.schemas import Schema

Kind = type[MeridianError]

ANYWHERE: Final[tuple[Kind, ...]] = (
    errors.RouteNotFound,
    errors.MethodNotAllowed,
    MeridianError,
    edge_errors.MalformedHttp,
    edge_errors.UpgradeRefused,
    edge_errors.RequestTimeout,
    edge_errors.UpgradeRequired,
    edge_errors.HeadersTooLarge,
)
"""What is no operation's: paths and methods that no row has, the edge's own refusals, and defects of ours."""


def errors_of(row: Row, function: Callable[..., Any]) -> dict[int, list[Kind]]:
    """The errors that a request of a row can end in, by status, each code once."""
    named = sorted(_of_docstring(function), key=lambda kind: f"functions.{row.service}." in kind.__module__)
    found = {kind.code: kind for kind in [*_of_checks(row), *named]}  # of several with a code the service's own
    by_status: dict[int, list[Kind]] = defaultdict(list)
    for kind in found.values():
        by_status[status_of(kind())].append(kind)
    return dict(sorted(by_status.items()))


def raised(docstring: str) -> set[str]:
    """The names of the classes that a docstring says are raised."""
    _, _, text = docstring.partition("Raises ")
    return set(re.findall(r"\b[A-Z]\w+", text))


def schema_of(kinds: Iterable[Kind]) -> Schema:
    """The list of all codes, each with its status, cause and cure."""
    by_code: dict[str, dict[Kind, None]] = defaultdict(dict)
    for kind in kinds:
        by_code[kind.code][kind] = None
    described = {
        code: {"status": status_of(next(iter(alike))()), **_words(*alike)} for code, alike in sorted(by_code.items())
    }
    return {
        "title": "ErrorCode",
        "description": "The kind of a problem, for a program: it stays the same. What each means, and what to do:\n\n"
        + "\n".join(
            f"- `{code}` ({each['status']}): {each['cause']} {each['cure']}" for code, each in described.items()
        ),
        "type": "string",
        "enum": list(described),
        "examples": ["SOLD_OUT"],
        "x-errors": described,
    }


def response_text(status: int, kinds: Iterable[Kind]) -> str:
    """What the reference says of a refusal: each code with its cause."""
    causes = [f"- `{kind.code}`: {_words(kind)['cause']}" for kind in kinds]
    return "\n".join([title_of(status), "", *causes])


def _words(*kinds: Kind) -> dict[str, str]:
    """The cause and the cure of a code; several classes of one code have each theirs."""
    causes = dict.fromkeys(" ".join(kind().detail.split()) for kind in kinds)
    return {"cause": " Or: ".join(causes), "cure": " Or: ".join(dict.fromkeys(kind.cure for kind in kinds))}


def _of_checks(row: Row) -> list[Kind]:
    """What the runtime's checks raise, in their order (shared/runtime/middleware.py, http.py)."""
    signed, writes = row.scope != "public", row.method in WITH_BODY
    possible: dict[Kind, bool] = {
        errors.Malformed: True,
        errors.DuplicateHeader: True,
        errors.KeyRequired: bool(row.idempotency),
        errors.KeyMalformed: bool(row.idempotency),
        errors.Unauthenticated: signed,
        errors.SessionEnded: bool(row.session),
        errors.Forbidden: signed and row.scope != "signed_in",
        errors.RouteNotFound: bool(row.parameters),  # with what cannot stand in a segment of a path
        errors.TooLarge: writes,
        errors.NotJson: writes,
        errors.KeyInUse: bool(row.idempotency),
        errors.KeyReused: bool(row.idempotency),
        errors.Stale: bool(row.if_match),
        errors.MatchRequired: bool(row.if_match),
        errors.Limited: bool(row.limit),
        errors.Unavailable: True,
        errors.CellUnreachable: row.home != "any",
        errors.OutcomeUnknown: True,
        errors.Contended: row.transaction != "none",
    }
    return [kind for kind, applies in possible.items() if applies]


def _of_docstring(function: Callable[..., Any]) -> list[Kind]:
    """What an operation says that it raises."""
    names = raised(function.__doc__ or "")
    found: list[Kind] = []
    for kind in error_classes():
        if kind.__name__ not in names or kind is MeridianError:
            continue
        if "code" in vars(kind):
            found.append(kind)
        else:
            found += [each for each in error_classes(kind) if "code" in vars(each)] or [kind]
    return found
