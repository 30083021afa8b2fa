"""Any input is a request or Malformed: no guessing, no overflow, no slow parsing."""

import json
import time
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.operations import PageRequest, Quantity, Request
from shared.errors import Malformed
from shared.money import Amount
from shared.runtime.decode import BODY_AT_MOST_BYTES, DEPTH_AT_MOST, json_object, to_request
from shared.runtime.mistakes import AT_MOST


class Line(Request):
    """A part of a request."""

    supply_id: str
    quantity: Quantity
    price: Amount = Amount(0)


class Thing(Request):
    """A request with a path parameter and a body."""

    thing_id: str
    name: Annotated[str, msgspec.Meta(max_length=10)]
    amount: Amount
    items: list[Line] = msgspec.field(default_factory=list)
    note: str | None = None


def nested(levels: int) -> bytes:
    """An object with arrays in it, so many levels deep."""
    return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


NO_OBJECTS = [
    (b"", "not JSON"),
    (b"{", "not JSON"),
    (b"{}}", "not JSON"),
    (b"{} {}", "not JSON"),
    (b"{'a': 1}", "not JSON"),
    (b'{"a": 1,}', "not JSON"),
    (b'{"a": 01}', "not JSON"),
    (b'{"a": +1}', "not JSON"),
    (b'{"a": .5}', "not JSON"),
    (b'{"a": 0x1}', "not JSON"),
    (b'{"a": undefined}', "not JSON"),
    (b'{"a": "\n"}', "not JSON"),
    (b'{"a": 1} // note', "not JSON"),
    (b"null", "must be a JSON object"),
    (b"true", "must be a JSON object"),
    (b"5", "must be a JSON object"),
    (b'"text"', "must be a JSON object"),
    (b"[]", "must be a JSON object"),
    (b'[{"a": 1}]', "must be a JSON object"),
    (b'{"a": NaN}', "NaN is not JSON"),
    (b'{"a": Infinity}', "Infinity is not JSON"),
    (b'{"a": -Infinity}', "-Infinity is not JSON"),
    (b'\xef\xbb\xbf{"a": 1}', "not JSON"),
    ('{"a": 1}'.encode("utf-16"), "not"),
    ('{"a": 1}'.encode("utf-16-le"), "not"),
    ('{"a": 1}'.encode("utf-32"), "not"),
    (b'{"a": "\xff"}', "not UTF-8"),
    (b'{"a": "\xc0\xaf"}', "not UTF-8"),  # an overlong slash
    (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),  # half a surrogate pair, as bytes
    (b'{"a": "\xf4\x90\x80\x80"}', "not UTF-8"),  # beyond U+10FFFF
    (b'{"a": "\xe2\x82', "not UTF-8"),
    (b'{"\xff": 1}', "not UTF-8"),
    (rb'{"a": "\ud800"}', "half a surrogate pair"),
    (rb'{"a": ["\udfff"]}', "half a surrogate pair"),
    (rb'{"a": {"\ud83d": 1}}', "half a surrogate pair"),
    (rb'{"a": "\ude00\ud83d"}', "half a surrogate pair"),
    (rb'{"a": "\u0000"}', "U.0000"),
    (rb'{"a": {"b\u0000": 1}}', "U.0000"),
    (rb'{"a": [[["x", "\u0000"]]]}', "U.0000"),
    (b'{"a": "\x00"}', "not JSON"),
    (b'{"a": 1, "a": 1}', "duplicate member 'a'"),
    (b'{"a": {"b": 1, "c": 2, "b": 3}}', "duplicate member 'b'"),
    (b'{"a": [[{"b": {"c": 1, "c": 1}}]]}', "duplicate member 'c'"),
    (rb'{"a": 1, "\u0061": 1}', "duplicate member 'a'"),
    (b'{"a": 1' + b"0" * 10**5 + b"}", "not JSON"),
    (b'{"a": -' + b"9" * 5000 + b"}", "not JSON"),
]


def test_what_is_no_json_object_is_malformed(subtests: pytest.Subtests) -> None:
    """Each is refused with a reason."""
    for body, says in NO_OBJECTS:
        with subtests.test(body=body), pytest.raises(Malformed, match=says):
            json_object(body)


def test_nesting_has_a_bound() -> None:
    """At the bound it is read; beyond it, by one level or by 20,000, it is refused before anything recurses."""
    assert json_object(nested(DEPTH_AT_MOST))
    for levels in (DEPTH_AT_MOST + 1, 20_000, 100_000):
        with pytest.raises(Malformed, match="nested deeper"):
            json_object(nested(levels))
        with pytest.raises(Malformed, match="nested deeper"):
            json_object(b'{"a":' * levels)


def test_brackets_in_strings_are_no_nesting() -> None:
    """Text may hold as many as it likes, with quotes and backslashes before them."""
    for text in ("[" * 100, '"' + "{" * 100, "\\" + "[" * 100, '\\"' + "[" * 100, "\\\\" + "]{" * 50):
        assert json_object(json.dumps({"a": text, "b": [text]}).encode())["a"] == text


@pytest.mark.parametrize(
    "body",
    [
        b'"' + rb"\"" * (BODY_AT_MOST_BYTES // 2),
        b'{"a": "' + rb"\"" * (BODY_AT_MOST_BYTES // 2),
        b'"' * BODY_AT_MOST_BYTES,
        b'"\\' * (BODY_AT_MOST_BYTES // 2),
        b"\\" * BODY_AT_MOST_BYTES,
        b"[]" * (BODY_AT_MOST_BYTES // 2),
        b'{"a":"' + b"x" * BODY_AT_MOST_BYTES,
        b"{" + b",".join(b'"%d":0' % (number % 20_000) for number in range(25_000)) + b"}",
        b'{"a": 1e' + b"9" * BODY_AT_MOST_BYTES + b"}{",
    ],
    ids=lambda body: body[:12].decode(),
)
def test_no_body_takes_long(body: bytes) -> None:
    """The largest body that is read at all, however it is made, is refused in time that grows with its length."""
    began = time.process_time()
    with pytest.raises(Malformed):
        json_object(body)
    assert time.process_time() - began < 1


@given(st.binary())
def test_arbitrary_bytes_are_malformed_at_worst(body: bytes) -> None:
    """No bytes bring the decoder down."""
    try:
        assert isinstance(json_object(body), dict)
    except Malformed as error:
        assert error.detail


texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(texts, values, max_size=3), st.booleans())
def test_json_is_read_as_it_was_written(value: dict[str, Any], ascii_only: bool) -> None:
    """Any object without nesting beyond the bound comes out as it went in, escaped or not."""
    body = json.dumps(value, ensure_ascii=ascii_only).encode()
    try:
        assert json_object(body) == value
    except Malformed as error:
        assert "nested deeper" in error.detail


def decoded(
    body: dict[str, Any] | None, path: dict[str, str] | None = None, query: Sequence[tuple[str, str]] = ()
) -> Thing:
    """A request for a thing."""
    return to_request(Thing, {"thing_id": "t1"} if path is None else path, query, body)


def field_of(call: Any) -> str:
    """The field that a malformed request names."""
    with pytest.raises(Malformed) as refused:
        call()
    assert refused.value.errors[0]["message"]
    return refused.value.errors[0]["field"]


FULL = {"name": "n", "amount": "5", "items": [{"supply_id": "s", "quantity": 1, "price": "7"}]}


def test_path_and_body_make_one_request() -> None:
    """Each field comes from where it belongs, with its type."""
    request = decoded(FULL)
    assert request == Thing("t1", "n", Amount(5), [Line("s", 1, Amount(7))])
    assert type(request.amount) is Amount
    assert type(request.items[0].price) is Amount


UNFIT = [
    ({}, "name"),
    ({"name": "n"}, "amount"),
    ({**FULL, "colour": "red"}, "colour"),
    ({**FULL, "name": None}, "name"),
    ({**FULL, "name": 5}, "name"),
    ({**FULL, "name": "n" * 11}, "name"),
    ({**FULL, "amount": 5}, "amount"),
    ({**FULL, "amount": 5.0}, "amount"),
    ({**FULL, "amount": "1e3"}, "amount"),
    ({**FULL, "amount": "-5"}, "amount"),
    ({**FULL, "amount": "５"}, "amount"),
    ({**FULL, "amount": str(2**256)}, "amount"),
    ({**FULL, "amount": None}, "amount"),
    ({**FULL, "items": {}}, "items"),
    ({**FULL, "items": "s"}, "items"),
    ({**FULL, "items": [[]]}, "items[0]"),
    ({**FULL, "items": [{"supply_id": "s"}]}, "items[0].quantity"),
    ({**FULL, "items": [{"supply_id": "s", "quantity": 0}]}, "items[0].quantity"),
    ({**FULL, "items": [{"supply_id": "s", "quantity": 10**9 + 1}]}, "items[0].quantity"),
    ({**FULL, "items": [{"supply_id": "s", "quantity": -1}]}, "items[0].quantity"),
    ({**FULL, "items": [{"supply_id": "s", "quantity": 10**30}]}, "items[0].quantity"),
    ({**FULL, "items": [{"supply_id": "s", "quantity": 1.0}]}, "items[0].quantity"),
    ({**FULL, "items": [{"supply_id": "s", "quantity": 1e400}]}, "items[0].quantity"),
    ({**FULL, "items": [{"supply_id": "s", "quantity": "1"}]}, "items[0].quantity"),
    ({**FULL, "items": [{"supply_id": "s", "quantity": True}]}, "items[0].quantity"),
    ({**FULL, "items": [{"supply_id": "s", "quantity": 1, "price": 7}]}, "items[0].price"),
    ({**FULL, "items": [{"supply_id": "s", "quantity": 1, "colour": "red"}]}, "items[0].colour"),
]


def test_what_does_not_fit_names_its_field(subtests: pytest.Subtests) -> None:
    """Unknown, missing, of another type or out of bounds: the caller learns where."""
    for body, field in UNFIT:
        with subtests.test(body=body):
            assert field_of(lambda body=body: decoded(body)) == field


def test_all_that_does_not_fit_is_told_at_once() -> None:
    """Each field with what it must be, in the order of a reader, unknown ones first; a long list is cut off."""
    wrong = {"colour": "red", "name": 5, "items": [{"supply_id": "s", "quantity": 0}, 7, {"price": 7}]}
    with pytest.raises(Malformed) as refused:
        decoded(wrong)
    found = [(error["field"], error["message"]) for error in refused.value.errors]
    assert found == [
        ("colour", "is not a field here: there are thing_id, name, amount, items, note"),
        ("name", "must be a string, not a number"),
        ("amount", "is missing"),
        ("items[0].quantity", "must be at least 1"),
        ("items[1]", "must be an object, not a number"),
        ("items[2].supply_id", "is missing"),
        ("items[2].quantity", "is missing"),
        ("items[2].price", 'must be a decimal string of atomic units, such as "1500000"'),
    ]
    assert refused.value.detail.startswith("`colour` is not a field here")
    with pytest.raises(Malformed) as refused:
        decoded({**FULL, "items": [{}] * 5000})
    assert len(refused.value.errors) == AT_MOST


def test_a_path_parameter_is_not_given_again() -> None:
    """Neither body nor query may name what the path names, so that checks and effect are about one thing."""
    assert field_of(lambda: decoded({**FULL, "thing_id": "t2"})) == "thing_id"
    assert field_of(lambda: decoded({**FULL, "thing_id": "t1"})) == "thing_id"
    assert field_of(lambda: decoded(None, query=[("thing_id", "t2")])) == "thing_id"


def test_a_body_comes_without_query() -> None:
    """A field that belongs into the body is not taken from the query, nor is an unknown one ignored."""
    for query in ([("name", "n")], [("colour", "red")], [("", "")]):
        assert field_of(lambda query=query: decoded(FULL, query=query)) == query[0][0]


BAD_QUERIES = [
    ([("colour", "red")], "colour"),
    ([("limit", "5"), ("limit", "5")], "limit"),
    ([("limit", "5"), ("limit", "6")], "limit"),
    ([("LIMIT", "5")], "LIMIT"),
    ([("limit[]", "5")], "limit[]"),
    ([("", "")], ""),
    ([("cursor", "a\x00b")], "cursor"),
    *[
        ([("limit", text)], "limit")
        for text in ("", "0", "-1", "101", "1.0", "1e1", "+5", " 5", "5 ", "05", "1_0", "0x5", "５", "five", "null")
    ],
    ([("limit", "9" * 5000)], "limit"),
    ([("limit", "9" * 19)], "limit"),
]


def test_the_query_is_read_strictly(subtests: pytest.Subtests) -> None:
    """Unknown and repeated parameters are refused, and numbers have one form."""
    for query, field in BAD_QUERIES:
        with subtests.test(query=query):
            assert field_of(lambda query=query: to_request(PageRequest, {}, query, None)) == field


def test_a_query_is_read() -> None:
    """Texts that look like numbers stay texts where a text is wanted."""
    assert to_request(PageRequest, {}, [("limit", "7"), ("cursor", "12")], None) == PageRequest(limit=7, cursor="12")
    assert to_request(PageRequest, {}, [], None) == PageRequest()


@given(st.lists(st.tuples(st.sampled_from(["limit", "cursor"]) | st.text(), st.text())))
def test_arbitrary_queries_are_malformed_at_worst(query: list[tuple[str, str]]) -> None:
    """No query brings the decoder down, and what it lets through is within the bounds."""
    try:
        request = to_request(PageRequest, {}, query, None)
    except Malformed:
        return
    assert 1 <= request.limit <= 100
