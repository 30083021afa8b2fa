"""Request bodies: a JSON object in UTF-8 of at most 256 KiB, with the fields of the route and no others."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emulators.demo.api_user import fresh_key
from shared.contracts.operations import ONE_LINE
from shared.registry import Row
from tests.contract.api import (
    LIMIT_BYTES,
    ROWS,
    WITH_BODY,
    Api,
    answer_schema,
    body_schema,
    example_body,
    field_path,
    fields,
    name_of,
    problem,
    with_field,
)

NOT_JSON: dict[str, bytes] = {
    "20,000 arrays": b"[" * 20_000 + b"]" * 20_000,
    "20,000 open arrays": b"[" * 20_000,
    "20,000 objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "17 levels": b'{"a":' * 17 + b"1" + b"}" * 17,
    "arrays in a string's shadow": b'{"a":"\\"' + b'"' + b",".join([b'"b":' + b"[" * 17 + b"]" * 17]) + b"}",
    "not UTF-8": b'{"a":"\xff"}',
    "overlong UTF-8": b'{"a":"\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
    "Latin-1": '{"a":"é"}'.encode("latin-1"),
    "UTF-16": "{}".encode("utf-16"),
    "UTF-32": "{}".encode("utf-32-le"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a lone surrogate": b'{"a":"\\ud800"}',
    "a lone low surrogate": b'{"a":"\\udc00x"}',
    "a surrogate in a name": b'{"\\ud83d":1}',
    "NUL": b'{"a":"\\u0000"}',
    "NUL in a name": b'{"\\u0000":1}',
    "a raw NUL": b'{"a":"\x00"}',
    "a raw line feed": b'{"a":"\n"}',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":Infinity}',
    "-Infinity": b'{"a":-Infinity}',
    "a number of 5,000 digits": b'{"a":' + b"1" * 5000 + b"}",
    "01": b'{"a":01}',
    "+1": b'{"a":+1}',
    "a hexadecimal number": b'{"a":0x1}',
    "single quotes": b"{'a':1}",
    "a comma too many": b'{"a":1,}',
    "a comment": b'{"a":1/**/}',
    "two values": b"{}{}",
    "a form": b"a=1&b=2",
    "spaces": b"   ",
    "an open object": b"{",
    "an open string": b'{"a',
    "an array": b"[]",
    "an array of objects": b"[{}]",
    "a string": b'"{}"',
    "null": b"null",
    "true": b"true",
    "a number": b"1",
}


@pytest.mark.parametrize("row", WITH_BODY, ids=name_of)
def test_what_is_not_a_json_object_is_400(api: Api, row: Row, subtests: pytest.Subtests) -> None:
    """Whatever cannot be read as one JSON object is malformed, and never more than that."""
    for case, content in NOT_JSON.items():
        with subtests.test(case):
            problem(api.ask(row, content=content), 400, "VALIDATION_FAILED")


@pytest.mark.parametrize("row", WITH_BODY, ids=name_of)
def test_duplicate_members_are_400(api: Api, row: Row) -> None:
    """No member wins silently over an equal one, at the top or inside; nor one that is spelt with escapes."""
    good = example_body(row)
    name, value = next(iter(good.items()), ("a", 1))
    again = json.dumps({**good, name: value})[:-1] + f', "{name}": {json.dumps(value)}}}'
    spelt = json.dumps({**good, name: value})[:-1] + f', "\\u{ord(name[0]):04x}{name[1:]}": {json.dumps(value)}}}'
    nested = json.dumps(good)[:-1] + ("," if good else "") + '"b": [{"c": {"d": 1, "e": 2, "d": 1}}]}'
    for content in (again, spelt, nested):
        assert "duplicate" in problem(api.ask(row, content=content.encode()), 400, "VALIDATION_FAILED")["detail"]


@pytest.mark.parametrize("row", WITH_BODY, ids=name_of)
def test_unknown_fields_are_400(api: Api, row: Row) -> None:
    """A field that the route does not have is named, wherever it stands and however it looks."""
    good = example_body(row)
    for name in ("unexpected", "Wallet_id", "a b", "é", "", "__proto__", "user_id", "`"):
        problem(api.ask(row, body={**good, name: 1}), 400, "VALIDATION_FAILED", name)
    for parameter in row.parameters:
        problem(api.ask(row, body={**good, parameter: "x"}), 400, "VALIDATION_FAILED", parameter)
    for at, schema in fields(body_schema(row) or {}):
        if schema.get("$ref") or schema.get("properties"):
            inner = with_field(row, (*at, "unexpected"), 1)
            problem(api.ask(row, body=inner), 400, "VALIDATION_FAILED", f"{field_path(at)}.unexpected")


@pytest.mark.parametrize("row", [row for row in WITH_BODY if body_schema(row)], ids=name_of)
def test_missing_fields_are_400(api: Api, row: Row) -> None:
    """Every required field is missed by its name."""
    good = example_body(row)
    for name in (body_schema(row) or {})["required"]:
        without = {other: value for other, value in good.items() if other != name}
        problem(api.ask(row, body=without), 400, "VALIDATION_FAILED", name)
    problem(api.ask(row, content=b""), 400, "VALIDATION_FAILED")


@pytest.mark.parametrize("row", [row for row in WITH_BODY if body_schema(row)], ids=name_of)
def test_values_of_another_type_are_400(api: Api, row: Row) -> None:
    """No field takes what is of another type: nothing is converted."""
    for at, schema in fields(body_schema(row) or {}):
        if isinstance(at[-1], int):
            continue
        choices = schema.get("anyOf", [schema])
        kinds = {choice.get("type", "string") for choice in choices}
        nested, listed = bool({"$ref", "items"} & set().union(*choices)), any("items" in choice for choice in choices)
        wrong: list[Any] = [1.5, {}, [], *([] if "null" in kinds else [None]), *([] if "boolean" in kinds else [True])]
        wrong += [] if "integer" in kinds else [1]
        wrong += ["x"] if nested or kinds <= {"integer", "null"} else []
        for value in wrong:
            if (value == {} and nested and "items" not in schema) or (value == [] and listed):
                continue
            problem(api.ask(row, body=with_field(row, at, value)), 400, "VALIDATION_FAILED", field_path(at))


def with_type(wanted: Callable[[dict[str, Any]], bool]) -> list[tuple[Row, tuple[str | int, ...]]]:
    """The fields of all bodies whose schema is as wanted."""
    return [
        (row, at)
        for row in WITH_BODY
        for at, schema in fields(body_schema(row) or {})
        if any(map(wanted, schema.get("anyOf", [schema])))
    ]


def ids_of(cases: list[tuple[Row, tuple[str | int, ...]]]) -> list[str]:
    """How fields are called in a test's id."""
    return [f"{row.name} {field_path(at)}" for row, at in cases]


AMOUNTS = with_type(lambda schema: str(schema.get("pattern", "")).startswith("^(0|[1-9]"))
NO_TEXTS = ["1", "0", "-1", "1.0", "1e3", "1E400", "true", "false", "null", "[]", "{}", str(10**30)]
NO_AMOUNTS = ["", " ", "+1", "-1", "-0", " 1", "1 ", "1\n", "\t1", "1e3", "1E3", "1.0", "1.", ".1", "00", "01", "0x1"]
NO_AMOUNTS += ["0b1", "1_000", "1,000", "１", "٣", "²", "Ⅷ", "1\u200b", "NaN", "Infinity", "null"]
NO_AMOUNTS += [str(2**256), str(2 * 10**77), "9" * 78, "1" * 79, "1" * 5000]
BAD_AMOUNTS = [*NO_TEXTS, *map(json.dumps, NO_AMOUNTS)]


@pytest.mark.parametrize(("row", "at"), AMOUNTS, ids=ids_of(AMOUNTS))
def test_money_is_a_decimal_string(api: Api, row: Row, at: tuple[str | int, ...]) -> None:
    """A number, a sign, a space, an exponent, a fraction, another digit, or 2^256 and more is 400, by its name."""
    schema = dict(fields(body_schema(row) or {}))[at]
    for bad in BAD_AMOUNTS:
        if bad == "null" and {"type": "null"} in schema.get("anyOf", []):
            continue
        marked = json.dumps(with_field(row, at, "<here>")).replace('"<here>"', bad)
        answer = api.ask(row, content=marked.encode())
        assert answer.status_code == 400, f"{bad}: {answer.text}"
        problem(answer, 400, "VALIDATION_FAILED", field_path(at))


def test_the_greatest_amount_is_taken(api: Api) -> None:
    """2^256 - 1 is an amount like any other, and comes back as the same digits."""
    row = next(row for row in ROWS if row.name == "create_supply")
    answer = api.ask(row, body=with_field(row, ("unit_price",), str(2**256 - 1)))
    assert answer.status_code == 201, answer.text
    assert answer.json()["unit_price"] == str(2**256 - 1)


QUANTITIES = with_type(lambda schema: schema.get("type") == "integer")
BAD_QUANTITIES = ["1.0", "1e0", "1.5", "1e400", "-1e400", "true", "false", '"1"', '""', "[1]", "{}", "-0.0", "1" * 4000]
OUT_OF_RANGE = ["-1", "0", "1000000001", str(2**31), str(2**63), str(2**64), str(10**30), str(-(10**30))]


@pytest.mark.parametrize(("row", "at"), QUANTITIES, ids=ids_of(QUANTITIES))
def test_integers_are_integers(api: Api, row: Row, at: tuple[str | int, ...]) -> None:
    """Fractions, exponents, truth values and texts are no integers; quantities are 1 to 10^9."""
    quantity = at[-1] in ("quantity", "per_user_limit") and "proof" not in at  # where 0 says nothing
    for bad in [*BAD_QUANTITIES, *(OUT_OF_RANGE if quantity else [])]:
        marked = json.dumps(with_field(row, at, "<here>")).replace('"<here>"', bad)
        answer = api.ask(row, content=marked.encode())
        assert answer.status_code == 400, f"{bad}: {answer.text}"
        problem(answer, 400, "VALIDATION_FAILED", field_path(at))


STRINGS = with_type(lambda schema: schema.get("type") == "string" and "enum" not in schema)
LINES = with_type(lambda schema: schema.get("pattern") == ONE_LINE)


@pytest.mark.parametrize(("row", "at"), LINES, ids=ids_of(LINES))
def test_a_line_has_no_control_characters(api: Api, row: Row, at: tuple[str | int, ...]) -> None:
    """What is shown on one line holds no line end, at its end neither, and no other control character."""
    for control in ("\n", "\r", "\t", "\x01", "\x1b", "\x7f"):
        for text in (f"x{control}", f"{control}x", f"x{control}x", control):
            problem(api.ask(row, body=with_field(row, at, text)), 400, "VALIDATION_FAILED", field_path(at))


AWKWARD = [
    "",
    " ",
    "x" * 10_000,
    "é" * 10_000,
    "\U0001f600" * 1000,
    "'; DROP TABLE orders; --",
    "\\x00",
    "%00",
    "${jndi:ldap://example.com}",
    "{{7*7}}",
    "../../../../etc/passwd",
    "\u202e\u0000"[:1],
    "\ufeff",
    "\uffff",
    "\x7f\x01\x1b[31m",
    "null",
    "-1",
    "NaN",
    "http://169.254.169.254/",
]


@pytest.mark.parametrize(("row", "at"), STRINGS, ids=ids_of(STRINGS))
def test_no_text_is_stumbled_over(api: Api, row: Row, at: tuple[str | int, ...]) -> None:
    """Long, foreign and hostile texts are taken, malformed, or the name of nothing: nothing worse."""
    for text in AWKWARD:
        answer = api.ask(row, body=with_field(row, at, text))
        if answer.status_code >= 300:
            assert answer.status_code in (400, 401, 404), f"{text[:20]!r}: {answer.text}"
            problem(answer, answer.status_code)


TYPES: list[str | None] = [
    None,
    "",
    "text/plain",
    "text/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/xml",
    "application/jsonp",
    "application/problem+json",
    "application/merge-patch+json",
    "application/*",
    "*/*",
    "json",
    "application/json; charset=latin-1",
    "application/json; charset=utf-16",
    'application/json; charset="iso-8859-1"',
    "application/json; charset=utf-7",
]


@pytest.mark.parametrize("row", WITH_BODY, ids=name_of)
def test_other_content_types_are_415(api: Api, row: Row, subtests: pytest.Subtests) -> None:
    """A body is JSON in UTF-8 and says so."""
    content = json.dumps(example_body(row)).encode()
    for kind in TYPES:
        with subtests.test(kind=kind):
            problem(api.ask(row, content=content, headers={"Content-Type": kind}), 415, "NOT_JSON")


@pytest.mark.parametrize("row", WITH_BODY, ids=name_of)
def test_encoded_bodies_are_415(api: Api, row: Row, subtests: pytest.Subtests) -> None:
    """Nothing is unpacked: a content coding is refused, whatever the bytes are (RFC 9110, 15.5.16)."""
    content = json.dumps(example_body(row)).encode()
    for coding in ("gzip", "deflate", "br", "zstd", "identity, gzip", "x"):
        with subtests.test(coding=coding):
            problem(api.ask(row, content=content, headers={"Content-Encoding": coding}), 415, "NOT_JSON")


KINDS = [
    "application/json",
    "application/json; charset=utf-8",
    "Application/JSON;charset=UTF-8",
    'application/json; charset="utf-8"',
    "application/json; charset=utf8",
    "application/json; v=1",
]


@pytest.mark.parametrize("kind", KINDS)
def test_spellings_of_json_are_taken(api: Api, kind: str) -> None:
    """The type has no case, and parameters that change nothing are allowed."""
    row = next(row for row in ROWS if row.name == "issue_nonce")
    assert api.ask(row, headers={"Content-Type": kind}).status_code == 201


def padded(row: Row, size: int) -> bytes:
    """A good body of exactly so many bytes; JSON lets spaces follow it."""
    return json.dumps(example_body(row)).encode().ljust(size)


def in_pieces(content: bytes) -> Iterator[bytes]:
    """A body without a Content-Length: it is sent in chunks."""
    for start in range(0, len(content), 10_000):
        yield content[start : start + 10_000]


SENT: dict[str, Callable[[bytes], Any]] = {"with its length": bytes, "in chunks": in_pieces}


@pytest.mark.parametrize("row", WITH_BODY, ids=name_of)
def test_a_body_has_at_most_256_kib(api: Api, row: Row, subtests: pytest.Subtests) -> None:
    """One of exactly 256 KiB passes on, one byte more is 413, and 10 MB are as well."""
    for case, send in SENT.items():
        with subtests.test(case):
            right = api.ask(row)
            passed = api.ask(row, content=send(padded(row, LIMIT_BYTES)))
            assert passed.status_code == right.status_code, passed.text
            for size in (LIMIT_BYTES + 1, 10_000_000):
                problem(api.ask(row, content=send(padded(row, size))), 413, "BODY_TOO_LARGE")


SLOW: dict[str, bytes] = {
    "open strings": b'"' + b'\\"' * (LIMIT_BYTES // 2 - 1),
    "escapes": b"\\" * LIMIT_BYTES,
    "quotes": b'"' * LIMIT_BYTES,
    "strings": b'{"a":"' + b'","' * (LIMIT_BYTES // 3 - 4) + b'"}',
    "equal members": b"{" + b",".join(b'"%d":1' % n for n in range(24_000)) + b',"23999":1}',
    "unknown members": b"{" + b",".join(b'"%d":1' % n for n in range(24_000)) + b"}",
    "one long name": b'{"' + b"`" * (LIMIT_BYTES - 10) + b'":1}',
    "escaped characters": b'{"a":"' + b"\\u0041" * (LIMIT_BYTES // 6 - 4) + b'"}',
    "an array": b'{"a":[' + b"1," * (LIMIT_BYTES // 2 - 8) + b"1]}",
    "long numbers": b'{"a":[' + b",".join([b"1" * 4000] * 60) + b"]}",
    "brackets": b'{"a":[' + b"[]," * (LIMIT_BYTES // 3 - 8) + b"[]]}",
}


@pytest.mark.parametrize("case", SLOW)
def test_no_body_takes_long(api: Api, case: str) -> None:
    """The work for a body grows with its length, not with its square: who is not signed in cannot halt the others."""
    assert len(SLOW[case]) <= LIMIT_BYTES
    row = next(row for row in ROWS if row.name == "issue_nonce")
    began = time.monotonic()
    problem(api.ask(row, content=SLOW[case]), 400, "VALIDATION_FAILED")
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("row", [row for row in WITH_BODY if not body_schema(row)], ids=name_of)
def test_no_body_where_none_is_requested(api: Api, row: Row) -> None:
    """A route that asks for nothing takes an empty object as well as nothing."""
    plain = api.ask(row)
    assert plain.status_code == 404, plain.text
    assert api.ask(row, body={}).status_code == 404


def test_spaces_and_order_of_members_do_not_matter(api: Api) -> None:
    """The same object written otherwise is the same request to an idempotency key."""
    row = next(row for row in ROWS if row.name == "create_supply")
    body, key = example_body(row), fresh_key()
    first = api.ask(row, body=body, key=key)
    assert first.status_code == 201, first.text
    other = json.dumps(dict(reversed(body.items())), indent=3).encode()
    again = api.ask(row, content=other, key=key)
    assert (again.status_code, again.content) == (201, first.content)
    assert set(answer_schema(row)["required"]) <= set(again.json())
