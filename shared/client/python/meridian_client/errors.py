"""What a call raises: the problem documents of error responses, and orders that ended unpaid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import httpx
import msgspec

from .decoding import ready

if TYPE_CHECKING:
    from .api import Order

PROBLEM: Final = "application/problem+json"


class FieldError(msgspec.Struct, frozen=True):
    """An invalid field, and what is wrong with it."""

    field: str
    message: str


class ApiError(httpx.HTTPStatusError):
    """An error response, parsed from its problem document (RFC 9457). It is a subclass of httpx.HTTPStatusError.

    code: the stable error code; empty if the response did not come from Meridian.
    retry_after: in how many seconds to retry, if given.
    members: further members of the document, such as the `order_id` of a refused order.
    """

    def __init__(self, response: httpx.Response) -> None:
        """response: one with an error status."""
        document = problem(response)
        after = response.headers.get("Retry-After", "")
        self.status = response.status_code
        self.title = str(document.pop("title", response.reason_phrase))
        self.detail = str(document.pop("detail", ""))
        self.code = str(document.pop("code", ""))
        self.request_id = str(document.pop("request_id", response.headers.get("X-Request-Id", "")))
        self.errors = msgspec.convert(document.pop("errors", []), ready(list[FieldError]))
        self.retry_after = int(after) if after.isdecimal() else None
        self.members = {name: value for name, value in document.items() if name not in ("type", "status")}
        wrong = "".join(f"; {error.field}: {error.message}" for error in self.errors)
        super().__init__(
            f"{self.status} {self.code or self.title}: {self.detail}{wrong}",
            request=response.request,
            response=response,
        )


class OrderEnded(Exception):
    """An order that was waited for has ended without being paid, or was refunded."""

    def __init__(self, order: Order) -> None:
        """order: as it ended."""
        self.order = order
        why = f": {order.failure.code}, {order.failure.detail}" if order.failure else ""
        super().__init__(f"{order.id} is {order.status}{why}")


def problem(response: httpx.Response) -> dict[str, Any]:
    """The members of a problem document; empty for a response that is none."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return msgspec.json.decode(response.content, type=ready(dict[str, Any])) if kind == PROBLEM else {}
