"""Requests for any HTTP row, generated from the registry and the document: valid but for what a test breaks.

A new row needs nothing here.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import httpx
import jwt

from emulators.demo.api_user import ApiUser, fresh_key
from functions.identity.domain.users import EVERYONE, OF_ROLE
from shared import ids
from shared.auth.tokens import issue
from shared.config import Settings
from shared.registry import Row, load
from shared.runtime.openapi.examples import example_of
from tests.problems import refused

ROWS: Final = load().http_rows()
DOCUMENT: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent.parent / "functions" / "openapi.json").read_text(encoding="utf-8")
)
CELL: Final = "us"
ADDRESS: Final = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
"""An example of EIP-55; it belongs to no user."""
SCOPES: Final = (*EVERYONE, *OF_ROLE["merchant"])
"""The scopes of every user on the local stack."""

LIMIT_BYTES: Final = 256 * 1024
TIMEOUT: Final = httpx.Timeout(30).as_dict()
READS: Final = [row for row in ROWS if row.method == "GET"]
WITH_BODY: Final = [row for row in ROWS if row.method in ("POST", "PUT", "PATCH")]
WITH_ID: Final = [row for row in ROWS if any(name.endswith("_id") for name in row.parameters)]
SIGNED: Final = [row for row in ROWS if row.scope != "public"]
CLOSED: Final = [row for row in SIGNED if not row.anonymous]
"""What answers nobody without a token; the rest of SIGNED shows what everybody may see."""

SCOPED: Final = [row for row in SIGNED if row.scope != "signed_in"]


def name_of(row: Row) -> str:
    """A row's name in a test's id."""
    return row.name


def operation(row: Row) -> dict[str, Any]:
    """A row's operation in the document."""
    described: dict[str, Any] = DOCUMENT["paths"][row.path][row.method.lower()]
    return described


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema, or the one that it refers to."""
    while "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def body_schema(row: Row) -> dict[str, Any] | None:
    """The schema of a row's body; None if it takes none."""
    described = operation(row).get("requestBody")
    return resolved(described["content"]["application/json"]["schema"]) if described else None


def answer_schema(row: Row) -> dict[str, Any]:
    """The schema of a row's successful JSON response; empty if it is not JSON, or has no body."""
    content = operation(row)["responses"][str(row.success)].get("content", {})
    return resolved(content["application/json"]["schema"]) if "application/json" in content else {}


def query_names(row: Row) -> list[str]:
    """The query parameters of a row."""
    return [p["name"] for p in operation(row).get("parameters", []) if p["in"] == "query"]


def absent_id(name: str) -> str:
    """A valid id, for a parameter such as `wallet_id`, of a thing that does not exist; for any other one, a name.

    Raises StopIteration.
    """
    if not name.endswith("_id"):
        return "nothing"
    kind = name.removesuffix("_id").removeprefix("payout_").removeprefix("from_").removeprefix("to_")
    return ids.new(next(prefix for prefix, known in ids.PREFIXES.items() if known == kind), CELL)


def example(schema: dict[str, Any]) -> Any:
    """The document's example of what a schema describes, an object's without its optional fields."""
    return example_of(schema, DOCUMENT["components"]["schemas"], ())


def example_body(row: Row) -> dict[str, Any]:
    """The document's example of a row's body, whose ids name nothing."""
    described = operation(row).get("requestBody")
    return deepcopy(described["content"]["application/json"]["example"]) if described else {}


def fields(schema: dict[str, Any], at: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every field of a body, however deep: its path in the body, and its schema."""
    schema = resolved(schema)
    for choice in schema.get("anyOf", []):
        yield from fields(choice, at)
    for name, given in schema.get("properties", {}).items():
        inner = resolved(given) if "enum" in resolved(given) else given
        yield (*at, name), inner
        yield from fields(inner, (*at, name))
    if schema.get("type") == "array":
        yield from fields(schema["items"], (*at, 0))


def with_field(row: Row, at: Sequence[str | int], value: Any) -> dict[str, Any]:
    """A valid body of a row with one field replaced; optional objects on its path are filled in."""
    body = example_body(row)
    schema, here = resolved(body_schema(row) or {}), body
    for step, following in pairwise(at):
        schema = schema["items"] if isinstance(step, int) else schema["properties"][step]
        kind = "array" if isinstance(following, int) else "object"
        choices = [resolved(choice) for choice in schema.get("anyOf", [schema])]
        schema = next(choice for choice in choices if choice.get("type") == kind)
        if not isinstance(step, int) and step not in here:
            here[step] = example(schema)
        if isinstance(here, list) and step == len(here):
            here.append(example(schema))
        here = here[step]  # type: ignore[index]
        assert isinstance(following, int) == isinstance(here, list)
    here[at[-1]] = value  # type: ignore[index]
    return body


def field_path(at: Sequence[str | int]) -> str:
    """How an error names a field."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in at).lstrip(".")


def filled(row: Row, known: Mapping[str, str] | None = None) -> str:
    """A row's path; parameters that are not given name nothing."""
    return re.sub(r"{(\w+)}", lambda match: (known or {}).get(match[1]) or absent_id(match[1]), row.path)


@dataclass(frozen=True)
class Api:
    """Sends requests through the edge.

    By a transport alone: what a client does besides, for cookies, redirects and relative URLs, which no request here
    has, would take a third of the time of a request.
    """

    transport: httpx.BaseTransport
    edge: httpx.URL
    headers: httpx.Headers
    """What a client sends of itself."""
    settings: Settings
    person: ApiUser
    """The token that is sent unless another is given."""
    issued: dict[tuple[object, ...], str] = field(default_factory=dict)
    """Tokens by their claims and minute, since a signature costs as much as a request."""

    def token(self, scopes: Sequence[str] = SCOPES, person: ApiUser | None = None) -> str:
        """A valid access token of a user's session."""
        somebody, now = person or self.person, datetime.now(UTC)
        known = (somebody.access_token, *scopes, now.hour, now.minute)
        if known not in self.issued:
            session = jwt.decode(somebody.access_token, options={"verify_signature": False})["sid"]
            self.issued[known] = issue(self.settings, somebody.user_id, session, list(scopes), now)
        return self.issued[known]

    def token_for(self, row: Row, person: ApiUser | None = None) -> str:
        """A valid access token with the scopes that a row needs."""
        more = [row.scope] if row.scope and row.scope not in ("public", "signed_in", *SCOPES) else []
        return self.token([*SCOPES, *more], person)

    def ask(
        self,
        row: Row,
        *,
        method: str | None = None,
        path: str | None = None,
        query: str = "",
        token: str | None = "",
        key: str | None = "",
        body: Any = ...,
        content: Any = None,
        headers: Mapping[str, str | bytes | None] | None = None,
    ) -> httpx.Response:
        """Send a valid request to a row, but for the arguments given.

        path, query: sent byte for byte. token, key: None for none at all. body: a value to be sent as JSON.
        content: bytes to be sent as they are. headers: in place of the right ones; None takes one away.
        """
        sent: dict[str, str | bytes | None] = {}
        if token is not None and row.scope != "public":
            sent["Authorization"] = f"Bearer {token or self.token_for(row)}"
        if key is not None and row.idempotency:
            sent["Idempotency-Key"] = key or fresh_key()
        if row.if_match:
            sent["If-Match"] = "*"
        if row in WITH_BODY and (content is not None or body is not ... or body_schema(row)):
            sent["Content-Type"] = "application/json"
            if content is None:
                content = json.dumps(example_body(row) if body is ... else body).encode()
        given = {**sent, **(headers or {})}
        return self.send(method or row.method, (path or filled(row)) + query, given, content)

    def send(
        self, method: str, path: str, headers: Mapping[str, str | bytes | None] | None = None, content: Any = None
    ) -> httpx.Response:
        """Any request; the path is sent byte for byte, which httpx does of a `target` alone."""
        sent = httpx.Headers(self.headers)
        sent.update({name.encode(): _bytes(value) for name, value in (headers or {}).items() if value is not None})
        told = {"target": path.encode("latin-1"), "timeout": TIMEOUT}
        request = httpx.Request(method, self.edge, headers=sent, content=content, extensions=told)
        answer = self.transport.handle_request(request)
        answer.request = request
        answer.read()
        return answer


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def problem(response: httpx.Response, status: int, code: str | None = None, field: str | None = None) -> dict[str, Any]:
    """The problem document of a response, asserted to have everything that the contract requires."""
    body = refused(response, status, code or response.json()["code"], field)
    texts = {name: body.get(name) for name in ("type", "title", "detail", "code", "request_id")}
    assert all(isinstance(text, str) and text for text in texts.values()), body
    assert re.fullmatch(r"[A-Z][A-Z0-9_]*", body["code"]), body
    assert all(set(error) == {"field", "message"} and error["message"] for error in body.get("errors", [])), body
    assert response.headers["X-Served-By"] == "us-central1"
    assert response.headers["Cache-Control"] == "no-store"
    assert ("WWW-Authenticate" in response.headers) == (status == 401 or body["code"] == "SCOPE_MISSING")
    assert ("Allow" in response.headers) == (status == 405)
    waits = status in (429, 503) or body["code"] == "IDEMPOTENCY_IN_PROGRESS"
    assert ("Retry-After" in response.headers) == waits
    return body
