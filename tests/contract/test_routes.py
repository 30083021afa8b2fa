"""Which requests find a route: every path and method but those of the rows is refused, as a problem document."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from shared.registry import Row, load
from tests.contract.api import READS, ROWS, SCOPES, WITH_BODY, WITH_ID, Api, absent_id, filled, name_of, problem

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"]
PATHS = {row.path: row for row in reversed(ROWS)}
"""Each path, with the first of its rows."""


def allowed(path: str) -> set[str]:
    """The methods that a path template answers to."""
    methods = {row.method for row in ROWS if row.path == path}
    return methods | ({"HEAD"} if "GET" in methods else set())


def test_other_methods_are_405(api: Api, subtests: pytest.Subtests) -> None:
    """Whatever method a path does not have is refused, and Allow lists those that it has."""
    for path, row in PATHS.items():
        with subtests.test(path=path):
            for method in METHODS:
                if method in allowed(path):
                    continue
                answer = api.send(method, filled(row))
                assert answer.status_code == 405, f"{method} {path}"
                assert set(answer.headers["Allow"].split(", ")) == allowed(path)
                problem(answer, 405, "METHOD_NOT_ALLOWED") if answer.content else None


def test_options_tell_what_a_path_takes(api: Api, subtests: pytest.Subtests) -> None:
    """OPTIONS, a browser's preflight among them, lists the methods, needs no token, and lets any origin send its own.

    A bearer token is never added by a browser itself, so no origin gains by it.
    """
    for path, row in PATHS.items():
        with subtests.test(path=path):
            preflight = {"Origin": "https://shop.example", "Access-Control-Request-Method": row.method}
            answer = api.send("OPTIONS", filled(row), preflight)
            assert (answer.status_code, answer.content) == (204, b"")
            for name in ("Allow", "Access-Control-Allow-Methods"):
                assert set(answer.headers[name].split(", ")) == allowed(path) | {"OPTIONS"}
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert "Access-Control-Allow-Credentials" not in answer.headers
            sent = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
            assert {"authorization", "content-type", "idempotency-key", "if-match", "if-none-match"} <= set(sent)


def test_options_of_an_unknown_path_are_unknown(api: Api) -> None:
    """A path that no row has is 404 to OPTIONS as well."""
    problem(api.send("OPTIONS", "/nowhere"), 404, "ROUTE_NOT_FOUND")


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_what_is_deprecated_says_so(api: Api, row: Row) -> None:
    """Each of its responses, a refusal too, has the deprecation date, the sunset and the successor; no other has."""
    answers = [api.ask(row), api.ask(row, headers={"Authorization": "Bearer x"})]
    for answer in answers:
        assert {"Deprecation", "Sunset"} & set(answer.headers) == set() or row.deprecated
        if row.deprecated:
            assert answer.headers["Link"] == f'<{load().rows[row.deprecated.successor].path}>; rel="successor-version"'
            since = int(answer.headers["Deprecation"].removeprefix("@"))  # RFC 9745: a date of structured fields
            until = parsedate_to_datetime(answer.headers["Sunset"])
            assert datetime.fromtimestamp(since, UTC).date() == row.deprecated.since
            assert until.date() == row.deprecated.sunset


def test_head_is_get_without_its_body(api: Api, subtests: pytest.Subtests) -> None:
    """HEAD has the status and the headers of GET, and no content."""
    for row in READS:
        with subtests.test(row=row.name):
            path = filled(row)
            got = api.ask(row, path=path)
            heads = api.ask(row, path=path, method="HEAD")
            assert heads.status_code == got.status_code
            assert heads.content == b""
            for name in ("content-type", "cache-control", "x-served-by"):
                assert heads.headers[name] == got.headers[name]


@pytest.mark.parametrize("row", WITH_BODY, ids=name_of)
def test_no_header_overrides_the_method(api: Api, row: Row, subtests: pytest.Subtests) -> None:
    """A GET stays one."""
    for header in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        with subtests.test(header=header):
            answer = api.send("GET", filled(row), {header: row.method})
            if "GET" in allowed(row.path):
                plain = api.send("GET", filled(row))
                anybody = any(other.anonymous for other in ROWS if (other.method, other.path) == ("GET", row.path))
                public = 404 if row.parameters else 200  # the id in the path is of nothing
                assert answer.status_code == plain.status_code == (public if anybody else 401)
            else:
                problem(answer, 405)


@pytest.mark.parametrize("header", ["X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Forwarded-Prefix"])
def test_no_header_overrides_the_path(api: Api, header: str) -> None:
    """An unknown path stays one."""
    problem(api.send("GET", "/nowhere", {header: "/health"}), 404, "ROUTE_NOT_FOUND")


ALL = [*SCOPES, "operator"]
"""The scopes of those who may do everything: what they do not find is not there."""

SUFFIXES = ["/", "/x/x", "//", "/.", "/..", "%2F", ";x", "%20", "%0A", "%00", "\\", ".json"]


@pytest.mark.parametrize("path", PATHS)
def test_what_follows_a_path_makes_it_another(api: Api, path: str, subtests: pytest.Subtests) -> None:
    """No suffix is ignored: the path is unknown, or its last segment is the id of nothing."""
    for suffix in SUFFIXES:
        with subtests.test(suffix=suffix):
            answer = api.send("GET", filled(PATHS[path]) + suffix, {"Authorization": f"Bearer {api.token(ALL)}"})
            assert problem(answer, 404)["code"] in ("ROUTE_NOT_FOUND", "NOT_FOUND")


ODD = [
    "//",
    "//health",
    "/health//",
    "/%2e%2e/health",
    "/v1/../health",
    "/v1/%2e%2e/health",
    "/./health",
    "/v1//orders",
    "/V1/orders",
    "/HEALTH",
    "/v1",
    "/v1/",
    "/robots.txt",
    "/favicon.ico",
    "/index.html",
    "/.env",
    "/%ff",
    "/%C0%AF",
    "/%00",
    "/a%0d%0aX-Evil:1",
    "/v1/orders%2f",
    "/%2Fhealth",
    "/health%3Fx",
    "/health%23",
    "/*",
    "/%",
    "/%zz",
    "/%u0041",
    "/_unmatched",
    "/metrics%00",
    "/" + "a" * 8192,
    "/" + "%41" * 2730,
    "/" + "a/" * 4096,
]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_odd_paths_are_unknown(api: Api, method: str, subtests: pytest.Subtests) -> None:
    """A path that no row has gets the same 404, however it is spelt; none gets a page, a redirect or a 500."""
    for path in ODD:
        with subtests.test(path=path):
            plain = problem(api.send("GET", "/nowhere"), 404, "ROUTE_NOT_FOUND")
            odd = problem(api.send(method, path), 404, "ROUTE_NOT_FOUND")
            assert {**odd, "request_id": ""} == {**plain, "request_id": ""}


def spellings(path: str) -> list[str]:
    """Ways to write a path that somebody on the way might take for it."""
    first, _, last = path.lstrip("/").partition("/")
    return [
        path,
        f"{path}/",
        f"/{path}",
        f"/%5f{path[2:]}",
        f"/v1/..{path}",
        f"/{first}%2f{last}",
        f"/{first}//{last}",
        f"{path};",
        f"{path}?token=",
        path.upper(),
    ]


INTERNAL = [f"/_events/{row.name}" for row in load().event_rows()]
INTERNAL += [f"/_schedules/{row.name}" for row in load().scheduled_rows()]


def test_events_and_schedules_are_no_routes(api: Api, subtests: pytest.Subtests) -> None:
    """What only Pub/Sub and the scheduler may call is unknown outside, even to who knows the secret."""
    secret = api.settings.secret("push_token").decode()
    for path in INTERNAL:
        with subtests.test(path=path):
            unknown = problem(api.send("POST", "/nowhere"), 404, "ROUTE_NOT_FOUND")
            for spelling in spellings(path):
                with_secret = f"{spelling}&token={secret}" if "?" in spelling else f"{spelling}?token={secret}"
                headers = {
                    "X-Internal-Token": secret,
                    "X-Meridian-Edge": "",
                    "X-Meridian-Internal": "1",
                    "X_Meridian_Edge": "",
                    "Connection": "X-Meridian-Edge",
                    "Authorization": f"Bearer {api.token()}",
                }
                answer = problem(api.send("POST", with_secret, headers, content=b"{}"), 404, "ROUTE_NOT_FOUND")
                assert {**answer, "request_id": ""} == {**unknown, "request_id": ""}


def test_an_escaped_slash_is_part_of_no_id(api: Api, subtests: pytest.Subtests) -> None:
    """A path parameter never spans segments, nor does an escaped slash begin another one that has a route."""
    for row in WITH_ID:
        with subtests.test(row=row.name):
            parameter = row.parameters[-1]
            path = filled(row, {parameter: f"{absent_id(parameter)}%2F{absent_id(parameter)}"})
            problem(api.ask(row, path=path), 404)
