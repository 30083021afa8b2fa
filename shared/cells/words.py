"""The words of the gate (gate.py) that settings and rows use. Every process reads those, and few have a gate."""

from typing import Literal

Mode = Literal["open", "strict"]
"""What happens while no standby is designated: `open` lets everything out, `strict` holds back what is in HELD_BACK."""

Kind = Literal[
    "event",
    "read",
    "grant",
    "deposit",
    "request",
    "voucher",
    "receipt",
    "deposit address",
    "activity",
    "webhook",
    "withdrawal",
    "broadcast",
]
"""What leaves a cell: published events, answers of Events.Read and Events.List, grants, which deposits it takes on, and
what it asks other cells to do because of its own state; and so on, to users and chains."""

Standbys = Literal["none", "asynchronous", "synchronous"]
"""Which standbys a cell has in other regions: `synchronous` ones are waited for by its commits."""
