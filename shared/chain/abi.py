"""Solidity's ABI encoding, by function signature, as in `encoded("transfer(address,uint256)", to, amount)`."""

from functools import cache
from typing import Any

from shared.chain.ethereum import keccak


def encoded(signature: str, *values: Any) -> bytes:
    """The data of a call: the selector and the arguments. Raises ValueError for a value that does not fit."""
    return _selector(signature) + encoded_values(_types(signature), *values)


def encoded_values(types: list[str], *values: Any) -> bytes:
    """Values of these types, such as a constructor's arguments. Raises ValueError for a value that does not fit."""
    from eth_abi import encode
    from eth_abi.exceptions import EncodingError

    try:
        return bytes(encode(types, values))
    except EncodingError as error:
        raise ValueError(str(error)) from error


def decoded(types: list[str], data: bytes) -> tuple[Any, ...]:
    """Decode a call's result or an event's data. Raises ValueError if it is malformed."""
    from eth_abi import decode
    from eth_abi.exceptions import DecodingError

    try:
        return tuple(decode(types, data))
    except DecodingError as error:
        raise ValueError(str(error)) from error


@cache
def topic(signature: str) -> bytes:
    """The first topic of an event, as of `Transfer(address,address,uint256)`."""
    return keccak(signature.encode())


@cache
def _selector(signature: str) -> bytes:
    return keccak(signature.encode())[:4]


@cache
def _types(signature: str) -> list[str]:
    """The types of the arguments; a tuple counts as one, whatever commas it contains."""
    types, depth = [""], 0
    for letter in signature[signature.index("(") + 1 : -1]:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            types.append("")
        else:
            types[-1] += letter
    return [each for each in types if each]
