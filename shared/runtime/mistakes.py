"""Everything that is wrong with a request's fields, in JSON's words.

msgspec stops at the first mistake, and speaks of Python's types. What it has refused is looked at again here, field by
field, each by its own type.
"""

import re
import types
import typing
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

import msgspec

from shared import ids
from shared.contracts.encode import decode_amount
from shared.contracts.operations import ONE_LINE

AT_MOST: Final = 50
"""How many mistakes are listed: a long list of bad items need not all be told of."""

KINDS: Final = {
    "int": "a whole number",
    "float": "a number",
    "str": "a string",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
    "datetime": "a time in RFC 3339",
}
"""Types as msgspec calls them, in JSON's words."""

FOUND: Final = {**KINDS, "int": "a number", "float": "a number with a fraction or an exponent", "bool": "a truth value"}
"""The same, of what was sent."""

_AT: Final = re.compile(r" - at `\$(?P<path>[^`]*)`$")

NO_FEED: Final = r"(?!\n)"
"""What our patterns end in besides, since Python's `$` alone would allow a trailing line feed."""

SIGNS: Final = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}

Mistake = tuple[str, str]
"""A field, by its path in the body, and what it must be."""


def mistakes(value: Mapping[str, Any], target: type[msgspec.Struct]) -> list[Mistake]:
    """The first AT_MOST mistakes in what should be a request."""
    return list(islice(_of_struct(value, target, ""), AT_MOST))


def _of_struct(value: Mapping[str, Any], target: type[msgspec.Struct], at: str) -> Iterator[Mistake]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(target)}
    for name in (name for name in value if name not in fields):
        yield f"{at}{name}", f"is not a field here: there are {', '.join(fields) or 'none'}"
    for name, field in fields.items():
        if name in value:
            yield from _of_value(value[name], field.type, f"{at}{name}")
        elif field.required:
            yield f"{at}{name}", "is missing"


def _of_value(value: Any, kind: Any, at: str) -> Iterator[Mistake]:
    """What is wrong with a value that is to be of a type."""
    inner: list[Mistake] = []
    for choice in _choices(kind):
        if isinstance(value, dict) and isinstance(choice, type) and issubclass(choice, msgspec.Struct):
            inner = list(_of_struct(value, choice, f"{at}."))
        elif isinstance(value, list) and typing.get_origin(choice) is list:
            (item,) = typing.get_args(choice)
            inner = [each for place, one in enumerate(value) for each in _of_value(one, item, f"{at}[{place}]")]
    if inner:
        yield from inner
        return
    try:
        msgspec.convert(value, kind, strict=True, dec_hook=decode_amount)
    except msgspec.ValidationError as error:
        found = _AT.search(str(error))
        yield f"{at}{found['path'] if found else ''}", in_words(_AT.sub("", str(error)), kind)


def _choices(kind: Any) -> list[Any]:
    """The types that a type is one of, without what is said about them."""
    if typing.get_origin(kind) is typing.Annotated:
        return _choices(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return [choice for each in typing.get_args(kind) for choice in _choices(each)]
    return [kind]


def in_words(message: str, kind: Any = None) -> str:
    """What msgspec says of a value, as what its field must be. kind: the field's type."""
    for pattern, words in WORDS.items():
        if found := pattern.fullmatch(message):
            return words(found, kind)
    return TIMES.get(message, message)


def _type(found: re.Match[str], _: Any) -> str:
    wanted = " or ".join(KINDS.get(each, each) for each in found["wanted"].split(" | "))
    return f"must be {wanted}, not {FOUND.get(found['found'], found['found'])}"


def _bound(found: re.Match[str], _: Any) -> str:
    return f"must be {SIGNS[found['sign']]} {found['bound']}"


def _length(found: re.Match[str], _: Any) -> str:
    unit = "character" if found["kind"] == "str" else "item"
    return f"must have {SIGNS[found['sign']]} {found['bound']} {unit}{'' if found['bound'] == '1' else 's'}"


def _form(_: re.Match[str], kind: Any) -> str:
    patterns = [meta.pattern for meta in _metas(kind) if meta.pattern]
    if ONE_LINE in patterns:
        return "must be one line, without control characters"
    return f"must match {patterns[0].removesuffix(NO_FEED)}" if patterns else "must have another form"


def _one_of(found: re.Match[str], kind: Any) -> str:
    literals = [choice for choice in _choices(kind) if typing.get_origin(choice) is typing.Literal]
    values = [str(value) for choice in literals for value in typing.get_args(choice)]
    return f"must be one of {', '.join(values)}, not {found['value'][:64]}"


WORDS: Final = {
    re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<found>\w+)`"): _type,
    re.compile(r"Expected `\w+` (?P<sign>[<>]=?) (?P<bound>-?\d+)"): _bound,
    re.compile(r"Expected `(?P<kind>\w+)` of length (?P<sign>[<>]=) (?P<bound>\d+)"): _length,
    re.compile(r"Expected `str` matching regex .*", re.DOTALL): _form,
    re.compile(r"Invalid enum value '?(?P<value>.*?)'?", re.DOTALL): _one_of,
}
TIMES: Final = {
    "Invalid RFC3339 encoded datetime": "must be a time in RFC 3339, such as 2026-11-30T09:30:00Z",
    "Expected `datetime` with a timezone component": "must be a time with its offset, such as 2026-11-30T09:30:00Z",
}
"""What msgspec says, and what is said of it here."""


def _metas(kind: Any) -> Iterator[msgspec.Meta]:
    for each in typing.get_args(kind):
        if isinstance(each, msgspec.Meta):
            yield each
        else:
            yield from _metas(each)


def misnamed(request: Any, at: str = "") -> str | None:
    """Which field of a request has what is no id of its kind, as a sentence; None if none has."""
    for name in getattr(request, "__struct_fields__", ()):
        value = getattr(request, name)
        if isinstance(value, list):
            found = [misnamed(each, f"{at}{name}[{place}].") for place, each in enumerate(value)]
            if wrong := next(filter(None, found), None):
                return wrong
        prefix = PREFIX_OF.get(re.sub("^(from|to|payout)_", "", name).removesuffix("_id").replace("_", " "))
        if prefix and name.endswith("_id") and isinstance(value, str) and not ids.valid(value, prefix):
            wanted = f"`{at}{name}` wants the id of {_a(ids.PREFIXES[prefix])}, which begins with `{prefix}_`"
            other = ids.PREFIXES.get(value[:3]) if value[3:4] == "_" and value[:3] != prefix else None
            return (
                f"{wanted}: this is the id of {_a(other)}."
                if other
                else f"{wanted}, its cell and a ULID: this is none."
            )
    return None


PREFIX_OF: Final = {kind: prefix for prefix, kind in ids.PREFIXES.items()}


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeio' else 'a'} {kind}"
