"""Versioned streams between two cells: what a receiver does with a version, and what an audit compares."""

from collections.abc import Mapping
from typing import Literal

Step = Literal["apply", "known", "gap"]


def step(have: int, version: int) -> Step:
    """What a receiver whose inbox has come to `have` does with a version: apply it, ignore it, or read what lacks."""
    if version <= have:
        return "known"
    return "apply" if version == have + 1 else "gap"


def unknown_to_store(known: Mapping[str, int], stored: Mapping[str, int]) -> dict[str, int]:
    """The streams that others know further than their store does, with the versions that they know.

    known: the highest version of each stream in the inboxes of others. stored: the last version in the store. Any
    result means that something left before it was safe: a person has to decide, and the cell does not open.
    """
    return {stream: version for stream, version in known.items() if version > stored.get(stream, 0)}
