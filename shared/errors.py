"""Meridian's errors. A class has its default message as docstring, a stable code, and a cure for the reference.

    MeridianError
    |- Malformed               400  VALIDATION_FAILED
    |  |- KeyRequired          400  IDEMPOTENCY_KEY_REQUIRED
    |  |- KeyMalformed         400  IDEMPOTENCY_KEY_MALFORMED
    |  `- DuplicateHeader      400  DUPLICATE_HEADER
    |- Unauthenticated         401  UNAUTHENTICATED
    |  `- SessionEnded         401  SESSION_ENDED
    |- Forbidden               403  SCOPE_MISSING
    |- NotFound                404  NOT_FOUND
    |  `- RouteNotFound        404  ROUTE_NOT_FOUND
    |- MethodNotAllowed        405  METHOD_NOT_ALLOWED
    |- Refusal                 409  a domain refusal; services derive theirs in domain/errors.py
    |- KeyInUse                409  IDEMPOTENCY_IN_PROGRESS
    |- Stale                   412  PRECONDITION_FAILED
    |- TooLarge                413  BODY_TOO_LARGE
    |- NotJson                 415  NOT_JSON
    |- Misdirected             421  MISDIRECTED: between services only
    |  `- Moved                421  MOVED: the same
    |- KeyReused               422  IDEMPOTENCY_KEY_REUSED
    |- MatchRequired           428  PRECONDITION_REQUIRED
    |- Limited                 429  RATE_LIMITED
    |- Unavailable             503  UNAVAILABLE
    |  |- CallNotPermitted     503  UNAVAILABLE: a dependency was not called (shared/resilience/not_permitted.py)
    |  |- CellUnreachable      503  CELL_UNREACHABLE: nothing was done
    |  `- OutcomeUnknown       503  OUTCOME_UNKNOWN: a commit whose fate could not be learnt
    `- Contended               503  CONTENDED: lost a race for a row or a stream version; rolled back, safe to repeat

Status codes are the contract's: shared/contracts/problems.py translates, in one table.
"""

import inspect
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

ROOT: Final = Path(__file__).resolve().parent.parent


class MeridianError(Exception):
    """Something went wrong."""

    code = "INTERNAL"
    cure = "Try again; if it stays, ask the operator, with the request id."

    def __init__(self, detail: str | None = None, *, code: str | None = None, **members: object) -> None:
        """
        detail: what happened, for a person; the class's docstring if absent.
        code: a more specific stable code than the class's.
        members: further members of the problem document, such as order_id.
        """
        self.detail = detail or inspect.cleandoc(type(self).__doc__ or "")
        self.code = code or type(self).code
        self.members = members
        super().__init__(self.detail)


class Malformed(MeridianError):
    """The request is malformed."""

    code = "VALIDATION_FAILED"
    cure = "Correct the fields that `errors` names, and send it again."

    def __init__(self, detail: str | None = None, *, field: str = "", code: str | None = None) -> None:
        """detail: a sentence or, of a field, what follows its name in one: `must be more than 0`."""
        super().__init__(detail, code=code)
        self.errors = [{"field": field, "message": self.detail}]
        if field and self.detail[:1].islower():
            self.detail = f"`{field}` {self.detail}."

    @classmethod
    def of(cls, mistakes: Sequence[tuple[str, str]]) -> Self:
        """One error for several fields, each with what is wrong with it. mistakes: at least one."""
        first = cls(mistakes[0][1], field=mistakes[0][0])
        first.errors = [{"field": field, "message": message} for field, message in mistakes]
        if len(mistakes) > 1:
            first.detail += f" Of {len(mistakes)} mistakes this is the first: see `errors`."
        return first


class KeyRequired(Malformed):
    """This operation needs an Idempotency-Key header of 16 to 255 printable ASCII characters without a comma."""

    code = "IDEMPOTENCY_KEY_REQUIRED"
    cure = "Make one key for each thing to do, such as a UUID, and send it with each retry of that thing."


class KeyMalformed(Malformed):
    """An Idempotency-Key has 16 to 255 printable ASCII characters, and no comma."""

    code = "IDEMPOTENCY_KEY_MALFORMED"
    cure = "Send a key such as a UUID."


class DuplicateHeader(Malformed):
    """This header has one value, and was sent more than once."""

    code = "DUPLICATE_HEADER"
    cure = "Send the header once."


class Unauthenticated(MeridianError):
    """A valid access token is required."""

    code = "UNAUTHENTICATED"
    cure = "Sign in, or refresh the session, and send `Authorization: Bearer <access_token>`."
    challenge = ""
    """What is wrong with the token that was sent, in RFC 6750's words (3.1); empty if none was."""


class SessionEnded(Unauthenticated):
    """The session of this access token has ended: sign in again."""

    code = "SESSION_ENDED"
    challenge = "invalid_token"
    cure = "Sign in again."


class Forbidden(MeridianError):
    """The access token lacks the scope that this operation needs."""

    code = "SCOPE_MISSING"
    cure = "Have an operator grant the role that has the scope, then refresh the session."

    def __init__(self, detail: str | None = None, *, code: str | None = None, scope: str = "") -> None:
        """scope: the one that is missing, if a user's token is what lacks it."""
        super().__init__(detail, code=code)
        self.scope = scope


class NotFound(MeridianError):
    """There is no such resource."""

    code = "NOT_FOUND"
    cure = "Check the id, its prefix, and whose it is: what belongs to others is not found either."


class RouteNotFound(NotFound):
    """There is nothing at this path."""

    code = "ROUTE_NOT_FOUND"
    cure = "Check the path against the reference, `/docs`."


class MethodNotAllowed(MeridianError):
    """This path does not answer to this method."""

    code = "METHOD_NOT_ALLOWED"
    cure = "Use a method that `Allow` names."

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        """allowed: the methods that the path answers to."""
        super().__init__(f"This path answers to {', '.join(allowed)}." if allowed else None)
        self.allowed = tuple(allowed)


class Refusal(MeridianError):
    """The state of things does not allow this."""

    code = "CONFLICT"
    cure = "Look at the state of what the request is about."


class KeyInUse(MeridianError):
    """A request with this idempotency key is in progress."""

    code = "IDEMPOTENCY_IN_PROGRESS"
    cure = "Send the same request with the same key again, after `Retry-After` seconds."


class Stale(MeridianError):
    """This has changed since the version that If-Match names: read it again."""

    code = "PRECONDITION_FAILED"
    cure = "Read it again, and send the ETag of what is there now."


class TooLarge(MeridianError):
    """The body is larger than 256 KiB."""

    code = "BODY_TOO_LARGE"
    cure = "Send less at once."


class NotJson(MeridianError):
    """The body must be JSON in UTF-8, with Content-Type: application/json and no Content-Encoding."""

    code = "NOT_JSON"
    cure = "Send JSON, as it is, with `Content-Type: application/json`."


class Misdirected(MeridianError):
    """This was not sent by a service of Meridian."""

    code = "MISDIRECTED"
    cure = "Send the request to the API's own address."


class Moved(Misdirected):
    """This cell is served elsewhere."""

    code = "MOVED"

    def __init__(self, epoch: int | None = None) -> None:
        """epoch: the one that the refusing process knows, under which it does not serve the cell; 0 if it never did."""
        super().__init__()
        if epoch is not None:
            self.members["epoch"] = epoch
        self.epoch = epoch


class KeyReused(MeridianError):
    """This idempotency key was used with another request."""

    code = "IDEMPOTENCY_KEY_REUSED"
    cure = "Use a new key for another request."


class Limited(MeridianError):
    """Too many requests: wait before the next one."""

    code = "RATE_LIMITED"
    cure = "Wait for `Retry-After` seconds."

    def __init__(self, wait_seconds: float = 1) -> None:
        """wait_seconds: how long until another request would be admitted."""
        super().__init__()
        self.wait_seconds = wait_seconds


class MatchRequired(MeridianError):
    """This operation needs an If-Match header with the ETag of what it changes."""

    code = "PRECONDITION_REQUIRED"
    cure = "Read it, and send its ETag as If-Match, or `*` for whatever version there is."

    def __init__(self, detail: str | None = None, *, code: str | None = None) -> None:
        super().__init__(detail, code=code, errors=[{"field": "If-Match", "message": "is missing"}])


class Unavailable(MeridianError):
    """Something that this needs is down for the moment."""

    code = "UNAVAILABLE"
    cure = "Send the same request again after `Retry-After` seconds, a write with the same idempotency key."
    wait_seconds = 1.0
    """How long to wait before a retry is worthwhile."""


class CallNotPermitted(Unavailable):
    """A dependency of this was not called."""

    def __init__(self, detail: str | None = None, wait_seconds: float = 1.0) -> None:
        """wait_seconds: how long to wait before a retry is worthwhile."""
        super().__init__(detail)
        self.wait_seconds = wait_seconds


class CellUnreachable(Unavailable):
    """The cell that this is in cannot be reached at the moment."""

    code = "CELL_UNREACHABLE"
    cure = "Send the same request again after `Retry-After` seconds; a read may accept `consistency=eventual`."

    def __init__(self, cell: str = "", wait_seconds: float = 1.0) -> None:
        """cell: which one, if that is known. wait_seconds: how long to wait before a retry is worthwhile."""
        super().__init__(f"The cell {cell} cannot be reached at the moment." if cell else None)
        if cell:
            self.members["cell"] = cell
        self.wait_seconds = wait_seconds


class OutcomeUnknown(Unavailable):
    """The connection broke while committing: the same request tells whether it took effect."""

    code = "OUTCOME_UNKNOWN"
    cure = "Send the same request with the same idempotency key: the answer tells what happened."


class Contended(MeridianError):
    """Another request changed the same thing at the same time; nothing was done."""

    code = "CONTENDED"
    cure = "Send the same request again."


def summary(error: BaseException) -> str:
    """What went wrong, for a person. For a defect only its type and location, since its text might quote secrets."""
    if isinstance(error, MeridianError):
        return f"{error.code}: {error.detail}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _ours(Path(frame.filename))]
    place = f" at {Path(frames[-1].filename).relative_to(ROOT)}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


def _ours(file: Path) -> bool:
    """Whether a file belongs to this project; libraries may be installed inside the project's folder."""
    return file.is_relative_to(ROOT) and "site-packages" not in file.parts
