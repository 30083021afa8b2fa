"""Decodes bytes and text into a request type. Whatever does not fit raises Malformed, naming the field."""

import json
import re
from collections import Counter
from collections.abc import Hashable, Sequence
from functools import cache
from typing import Any, Final, NoReturn, TypeVar, cast

import msgspec

from shared.contracts.encode import decode_amount
from shared.decoding import ready
from shared.errors import Malformed
from shared.runtime.mistakes import mistakes

T = TypeVar("T")

BODY_AT_MOST_BYTES: Final = 256 * 1024
DEPTH_AT_MOST: Final = 16

_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,18})", re.ASCII)
_STRUCTURE: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)
"""Strings and brackets. An unterminated string runs to the end of the body: trying each of its quotes as the start
of another string would take quadratic time."""


def json_object(body: bytes) -> dict[str, Any]:
    """Read a body: a JSON object in UTF-8 without duplicate members, NUL, NaN or deep nesting. Raises Malformed."""
    _check_depth(body)
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
        _refuse_unstorable(body.decode("utf-8"), value)
    except UnicodeDecodeError as error:
        raise Malformed("The body is not UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise Malformed(f"The body is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise Malformed("The body must be a JSON object.")
    return value


def to_request(
    target: type[T], path: dict[str, str], query: Sequence[tuple[str, str]], body: dict[str, Any] | None
) -> T:
    """Build a request from path parameters, query and body. Raises Malformed for unknown or ill-typed fields."""
    texts: dict[str, str] = dict(path)
    for name, value in query:
        if name in texts or "\x00" in value:
            raise Malformed("is given twice, or has a NUL", field=name)
        texts[name] = value
    if body is not None:
        if query:
            raise Malformed("is not a query parameter here: the fields of a write are in its body", field=query[0][0])
        for name in body:
            if name in texts:
                raise Malformed("is not a field here: it is in the path", field=name)
        return _convert({**body, **texts}, target)
    return _convert({name: _number(name, text, target) for name, text in texts.items()}, target)


def _number(name: str, text: str, target: Any) -> str | int:
    """A path or query text as an int if its field is an integer and it looks like one; otherwise unchanged.

    msgspec's own lax mode would accept `1e1` for a limit, an epoch for a time and `null` for nothing.
    """
    return int(text) if name in _integers(target) and _INTEGER.fullmatch(text) else text


@cache
def _integers(target: Hashable) -> frozenset[str]:
    """The fields of a request that are integers."""
    fields = cast(msgspec.inspect.StructType, msgspec.inspect.type_info(target)).fields
    choices = {field.name: getattr(_bare(field.type), "types", (field.type,)) for field in fields}
    return frozenset(
        name for name, types in choices.items() if any(isinstance(_bare(t), msgspec.inspect.IntType) for t in types)
    )


def _bare(kind: msgspec.inspect.Type) -> msgspec.inspect.Type:
    """A type without what is only documented of it."""
    return kind.type if isinstance(kind, msgspec.inspect.Metadata) else kind


def _convert(value: dict[str, Any], target: type[T]) -> T:
    try:
        return msgspec.convert(value, ready(target), strict=True, dec_hook=decode_amount)
    except msgspec.ValidationError as error:
        raise Malformed.of(mistakes(value, cast(type[msgspec.Struct], target))) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        (name, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise Malformed(f"The body has a duplicate member {name!r}: each name stands once.", field=name)
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _check_depth(body: bytes) -> None:
    """Refuse deep nesting before anything recurses into it."""
    depth = 0
    for token in _STRUCTURE.finditer(body):
        first = token[0][:1]
        depth += (first in b"[{") - (first in b"]}")
        if depth > DEPTH_AT_MOST:
            raise Malformed(f"The body is nested deeper than {DEPTH_AT_MOST} levels.")


def _refuse_unstorable(text: str, value: Any) -> None:
    """NUL and lone surrogates are legal in JSON's grammar, but neither PostgreSQL nor UTF-8 can hold them."""
    if "\\u" not in text and "\x00" not in text:
        return
    for string in _strings(value):
        if "\x00" in string:
            raise ValueError("a string holds U+0000")
        if any("\ud800" <= character <= "\udfff" for character in string):
            raise ValueError("a string holds half a surrogate pair")


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [string for item in value for string in _strings(item)]
    if isinstance(value, dict):
        members = cast(dict[str, Any], value)
        return [*members, *(string for item in members.values() for string in _strings(item))]
    return []
