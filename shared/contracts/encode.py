"""JSON as the contract has it: amounts as decimal strings, times as RFC 3339 in UTC."""

from typing import Any, TypeVar

import msgspec

from shared.money import Amount

T = TypeVar("T")


def str_of_amount(value: Any) -> str:
    """How amounts (subclasses of int) stand in JSON. Raises NotImplementedError for what has no form there."""
    if isinstance(value, int):
        return str(int(value))
    raise NotImplementedError(f"{type(value)} has no form in JSON")


_encoder = msgspec.json.Encoder(enc_hook=str_of_amount)


def to_json(value: Any) -> bytes:
    """A view, a fact, or rows, as JSON."""
    return _encoder.encode(value)


def from_json(data: bytes, shape: type[T]) -> T:
    """What to_json made of a value of a type. Raises msgspec.MsgspecError for what is none."""
    return msgspec.json.decode(data, type=shape, dec_hook=_amount)


def _amount(wanted: type[Any], value: Any) -> Any:
    """Raises ValueError, NotImplementedError."""
    if wanted is Amount:
        return Amount.parse(value)
    raise NotImplementedError(wanted)
