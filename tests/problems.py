"""Assertions on refusals: RFC 9457 problem documents in the form of the contract."""

import copy
from datetime import UTC, datetime
from typing import Any

import httpx
import jwt

from emulators.demo.api_user import ApiUser
from functions.identity.domain.users import EVERYONE
from shared.auth.tokens import issue
from shared.config import Settings


def refused(response: httpx.Response, status: int, code: str, field: str | None = None) -> dict[str, Any]:
    """Assert that a response is this refusal, and return its problem document. field: the one that a 400 must name."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert (body["code"], body["status"]) == (code, status), body
    assert body["type"].endswith(f"/docs#{code}"), body
    assert body["request_id"] == response.headers["X-Request-Id"]
    assert ("errors" in body) == (status in (400, 428)), body
    if field is not None:
        assert [error["field"] for error in body["errors"]] == [field], body
    return body


def absent(*responses: httpx.Response) -> None:
    """Assert that all are the same 404: what belongs to others is indistinguishable from what does not exist.

    What is no id of the kind that is wanted may be said to be none: that is seen of the id alone.
    """
    bodies = [{**refused(response, 404, "NOT_FOUND"), "request_id": ""} for response in responses]
    known = [body for body in bodies if "wants the id of" not in body["detail"]]
    assert all(body == known[0] for body in known), bodies
    assert all({**body, "detail": ""} == {**bodies[0], "detail": ""} for body in bodies), bodies


def with_token(person: ApiUser, token: str) -> ApiUser:
    """The same user with another access token."""
    other = copy.copy(person)
    other.access_token = token
    other.keep_token()
    return other


def without(person: ApiUser, scope: str, settings: Settings) -> ApiUser:
    """The same user with a valid token that has every scope but one."""
    scopes = [name for name in (*EVERYONE, "supply:write", "operator") if name != scope]
    return with_token(person, issue(settings, person.user_id, session_of(person), scopes, datetime.now(UTC)))


def session_of(person: ApiUser) -> str:
    """The session id in a user's access token."""
    claims: dict[str, str] = jwt.decode(person.access_token, options={"verify_signature": False})
    return claims["sid"]
