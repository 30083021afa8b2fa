"""Makes a type ready for msgspec to decode, before several threads do.

msgspec describes a struct, dataclass or named tuple to itself when it first decodes one, and keeps that with the type
before it is complete, since types may be recursive. Another thread that decodes the type meanwhile reads what is not
there yet, and the process dies of a segmentation fault (msgspec 0.22.0). Meridian's own code has the same function in
`shared/decoding.py`, which this package cannot use: it stands alone. What is decoded goes through here:

    msgspec.convert(row, ready(Order))
    msgspec.json.decode(data, type=ready(list[Order]))
"""

import threading
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T")

_lock: Final = threading.RLock()
_ready: Final[set[Any]] = set()


def ready(kind: type[T]) -> type[T]:
    """The same type, once it and all that it is made of are described. Raises TypeError for one that cannot be."""
    if kind not in _ready:
        with _lock:  # types share others: no two may be described at a time
            msgspec.json.Decoder(kind)
            _ready.add(kind)
    return kind
