"""Ids for the names of tests, which have to be the same in every process that runs them."""

from typing import Final

ULID: Final = "01m8m4pdw08tdrcvdpw4cwnkyh"


def sample_id(prefix: str) -> str:
    """A well-formed id of a thing that does not exist."""
    return f"{prefix}_us_{ULID}"
