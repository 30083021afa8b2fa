"""JSON as the API defines it: amounts as decimal strings, times as RFC 3339 in UTC."""

from typing import Any, TypeVar

import msgspec

from shared.decoding import ready
from shared.money import Amount

T = TypeVar("T")


def encode_amount(value: Any) -> str:
    """The JSON form of amounts (subclasses of int). Raises NotImplementedError for other types."""
    if isinstance(value, int):
        return str(int(value))
    raise NotImplementedError(f"{type(value)} has no form in JSON")


_encoder = msgspec.json.Encoder(enc_hook=encode_amount)


def to_json(value: Any) -> bytes:
    """Encode a view, an event's data, or rows."""
    return _encoder.encode(value)


def from_json(data: bytes, shape: type[T]) -> T:
    """Decode a value that to_json encoded. Raises msgspec.MsgspecError if it does not have the type."""
    return msgspec.json.decode(data, type=ready(shape), dec_hook=decode_amount)


def decode_amount(target: type[Any], value: Any) -> Any:
    """The `dec_hook` by which msgspec reads amounts, which are decimal strings in JSON.

    Raises ValueError, which msgspec reports with the field's path, and NotImplementedError for other types.
    """
    if target is Amount:
        return Amount.parse(value)
    raise NotImplementedError(target)
