"""Successful responses on every route: status, headers and body; money, times and ids in it."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from fnmatch import fnmatch
from typing import Any

import httpx
import jsonschema_rs
import pytest

from shared import ids
from shared.money import DECIMALS, MAXIMUM
from shared.registry import Row, load
from tests.contract.api import DOCUMENT, READS, ROWS, Api, filled, name_of, operation
from tests.contract.conftest import World
from tests.contract.samples import SAMPLES, Sample

MONEY = re.compile(r"0|[1-9][0-9]{0,77}", re.ASCII)
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z", re.ASCII)
SIGNED = ("list_entries", "inspect_wallet", "list_activity", "read_overview", "read_story")
"""The rows whose amounts are movements, or balances of the system's own accounts, and may be negative."""

AMOUNTS = {"amount", "balance_after", "unit_price", "total", "posted", "held", "token_id", "nonce", "deadline"}
QUOTA = re.compile(r'"(\w+)";q=(\d+);w=\d+')
LEFT = re.compile(r'"(\w+)";r=(\d+);t=\d+')
JSON = [row for row in ROWS if row.media == "application/json"]
LIMITED = [row for row in ROWS if row.limit]
TELLING = [row for row in JSON if row.success != 204 and row.name != "read_document"]
REQUEST_IDS = ["x", "x" * 128, "{'a':\"b\"}", "req-1;req-2", "0", "~!@#$%^&*()"]
NOT_REQUEST_IDS: list[str | bytes] = [
    "x" * 129,
    "x" * 200,
    "a b",
    b"\xff\xfe",
    "é".encode(),
    b"\xf0\x9f\x92\xa9",
    "x\ty",
]


def succeed(api: Api, row: Row, world: World, **more: Any) -> httpx.Response:
    """A row's success."""
    if row not in READS:
        assert row.name in SAMPLES, f"tests/contract/samples.py does not say how {row.name} succeeds"
        sample = SAMPLES[row.name](world)
    else:
        sample = Sample(path=world.known)
    body = ... if sample.body is None else sample.body
    answer = api.ask(row, path=filled(row, {**world.known, **sample.path}), body=body, **more)
    assert answer.status_code == (sample.status or row.success), answer.text
    return answer


@pytest.fixture(scope="module")
def success(api: Api, world: World) -> Callable[[Row], httpx.Response]:
    """One successful response of each row, requested once."""
    known: dict[str, httpx.Response] = {}

    def of(row: Row) -> httpx.Response:
        if row.name not in known:
            known[row.name] = succeed(api, row, world)
        return known[row.name]

    return of


def members(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every value in an answer, however deep, with the name of the member that it stands in."""
    yield name, value
    if isinstance(value, dict):
        for inner, each in value.items():
            yield from members(each, inner)
    if isinstance(value, list):
        for each in value:
            yield from members(each, name)


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_success(success: Callable[[Row], httpx.Response], row: Row) -> None:
    """Each row answers with its status, in its media type, cached as its row says; what has no content has no type."""
    answer = success(row)
    assert answer.headers["Cache-Control"] == row.cache
    assert answer.headers["X-Served-By"] == "us-central1"
    assert answer.headers["X-Request-Id"]
    assert "Idempotent-Replayed" not in answer.headers
    if row.success == 204:
        assert (answer.content, "Content-Type" in answer.headers) == (b"", False)
    else:
        assert fnmatch(answer.headers["Content-Type"], row.media)
        if "Content-Encoding" not in answer.headers:
            assert int(answer.headers["Content-Length"]) == len(answer.content)
        answer.content.decode("utf-8")
        assert row.media != "application/json" or isinstance(answer.json(), dict)


def test_security_and_cors_headers(success: Callable[[Row], httpx.Response], subtests: pytest.Subtests) -> None:
    """No type is guessed, no frame holds it, any origin may read it, and no Referer gives its address away."""
    for row in ROWS:
        with subtests.test(row=row.name):
            headers = success(row).headers
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
            assert headers["Access-Control-Allow-Origin"] == "*"
            exposed = headers["Access-Control-Expose-Headers"].split(", ")
            assert {"ETag", "RateLimit", "Retry-After", "X-Request-Id"} <= set(exposed)


def test_what_is_left_of_the_limit_is_shown(
    success: Callable[[Row], httpx.Response], subtests: pytest.Subtests
) -> None:
    """Each quota of the row's profile that this request counts against, with what is left of it."""
    for row in LIMITED:
        with subtests.test(row=row.name):
            profile = load().limits[row.limit or ""]
            users, addresses = bool(profile.user and row.scope != "public"), bool(profile.address)
            kinds = ["ip", *["user"] * users, *["address"] * addresses]
            policies = dict(QUOTA.findall(success(row).headers["RateLimit-Policy"]))
            left = dict(LEFT.findall(success(row).headers["RateLimit"]))
            assert list(policies) == list(left) == kinds
            for kind in kinds:
                burst = getattr(profile, kind).burst
                assert int(policies[kind]) == burst
                assert 0 <= int(left[kind]) < burst


def test_success_is_as_documented(success: Callable[[Row], httpx.Response], subtests: pytest.Subtests) -> None:
    """Every answer fits the schema that the document has for it, and has no field that is not in it."""
    for row in ROWS:
        with subtests.test(row=row.name):
            described = operation(row)["responses"][str(success(row).status_code)]
            if row.success == 204:
                assert "content" not in described
                continue
            if row.media != "application/json":
                assert list(described["content"]) == [row.media]
                continue
            schema = {**described["content"]["application/json"]["schema"], "components": DOCUMENT["components"]}
            answer = success(row).json()
            jsonschema_rs.validator_for(schema, validate_formats=True).validate(answer)
            if "$ref" in schema:
                known = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]["properties"]
                assert set(answer) <= set(known)


def test_money_times_and_ids_in_answers(success: Callable[[Row], httpx.Response], subtests: pytest.Subtests) -> None:
    """Amounts are decimal strings, times RFC 3339 in UTC with Z, ids carry their kind; no number has a fraction."""
    for row in TELLING:
        with subtests.test(row=row.name):
            for name, value in members(success(row).json()):
                assert not isinstance(value, float), f"{name}: {value}"
                if isinstance(value, list | dict) or value is None:
                    continue
                if name in AMOUNTS and not (row.name == "issue_nonce" and name == "nonce"):
                    assert isinstance(value, str), f"{name}: {value!r}"
                    digits = value.removeprefix("-") if row.name in SIGNED else value
                    assert MONEY.fullmatch(digits), f"{name}: {value!r}"
                    assert int(digits) <= MAXIMUM
                if name.endswith("_at") or name == "at":
                    assert TIME.fullmatch(value), f"{name}: {value!r}"
                    assert datetime.fromisoformat(value).year >= 2026
                kind = name.removesuffix("_id").replace("_", " ")
                if name.endswith("_id") and kind in ids.PREFIXES.values():
                    prefix = next(prefix for prefix, known in ids.PREFIXES.items() if known == kind)
                    assert ids.valid(value, prefix), f"{name}: {value!r}"
                if name == "currency":
                    assert value in DECIMALS
                assert isinstance(value, str | int | bool), f"{name}: {value!r}"
                assert name == name.lower() or row.name in (
                    "create_claim",
                    "get_claim",
                    "list_claims",
                    "retry_claim",
                    "list_order_events",
                )


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_a_request_id_comes_back(api: Api, row: Row) -> None:
    """The caller's X-Request-Id is the answer's, in the header and in a problem's body."""
    for given in REQUEST_IDS:
        answer = api.ask(row, headers={"X-Request-Id": given})
        assert answer.headers.get_list("X-Request-Id") == [given]
        assert answer.status_code < 400 or answer.json()["request_id"] == given


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_other_request_ids_are_replaced(api: Api, row: Row) -> None:
    """An id unsafe for logs and headers is not echoed; none is generated twice."""
    made = [api.ask(row, headers={"X-Request-Id": given}).headers["X-Request-Id"] for given in NOT_REQUEST_IDS]
    made += [api.ask(row).headers["X-Request-Id"] for _ in range(2)]
    assert len(set(made)) == len(made)
    assert all(re.fullmatch(r"[!-+\--~]{8,128}", each) for each in made), made


TRACES: list[str | bytes] = [
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-00000000000000000000000000000000-0000000000000000-00",
    "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01",
    "x",
    "x" * 8000,
    b"\xff",
]


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_a_traceparent_is_taken(api: Api, row: Row) -> None:
    """A good or a malformed traceparent, and what other tracers send, changes no answer."""
    plain = api.ask(row).status_code
    for trace in TRACES:
        assert api.ask(row, headers={"traceparent": trace}).status_code == plain, trace
    others = ("tracestate", "X-Cloud-Trace-Context", "Function-Execution-Id", "b3", "baggage")
    for value in ("x", b"\xff"):
        assert api.ask(row, headers=dict.fromkeys(others, value)).status_code == plain, value


def test_a_write_carries_its_trace(api: Api, world: World) -> None:
    """A request that writes succeeds with a traceparent: it goes into its events' metadata and through every call."""
    row = next(row for row in ROWS if row.name == "create_order")
    for trace in TRACES:
        succeed(api, row, world, headers={"traceparent": trace, "tracestate": "a=b", "X-Request-Id": "order-1"})
