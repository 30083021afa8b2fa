"""JSON as the contract has it: amounts as decimal strings, times as RFC 3339 in UTC."""

from typing import Any

import msgspec


def str_of_amount(value: Any) -> str:
    """How amounts (subclasses of int) stand in JSON. Raises NotImplementedError for what has no form there."""
    if isinstance(value, int):
        return str(int(value))
    raise NotImplementedError(f"{type(value)} has no form in JSON")


_encoder = msgspec.json.Encoder(enc_hook=str_of_amount)


def to_json(value: Any) -> bytes:
    """A view, a fact, or rows, as JSON."""
    return _encoder.encode(value)
