"""Entity tags (RFC 9110, section 8.8.3) in requests: which versions a caller knows, or means to change."""

import re
from dataclasses import dataclass
from typing import Final

from shared.contracts.operations import Match
from shared.errors import Malformed, MatchRequired

TAG: Final = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
"""One entity tag; its text holds no quote, and nothing that cannot be seen."""

TAGS: Final = re.compile(rf"[ \t]*+(?:{TAG})?+(?:[ \t]*+,[ \t]*+(?:{TAG})?+)*+[ \t]*+")
"""A list of them, with empty elements (RFC 9110, 5.6.1.2). Nothing is tried twice, so that no header takes long."""

ONE: Final = re.compile(TAG)


@dataclass(frozen=True, slots=True)
class Known:
    """The tags that If-None-Match names, compared weakly; None for `*`, which is any."""

    tags: frozenset[str] | None

    def has(self, tag: str | None) -> bool:
        """Whether a tag is one of them."""
        return tag is not None and (self.tags is None or tag in self.tags)


def match(header: str | None) -> Match:
    """What If-Match asks for. Raises MatchRequired without one, Malformed for what is no list of entity tags."""
    if header is None:
        raise MatchRequired
    tags = _read("If-Match", header)
    # If-Match compares strongly: a weak tag never matches.
    return Match(None if tags is None else frozenset(tag[1:-1] for tag in tags if not tag.startswith("W/")))


def known(header: str | None) -> Known:
    """What If-None-Match names; nothing without one. Raises Malformed for what is no list of entity tags."""
    tags = _read("If-None-Match", header) if header is not None else []
    return Known(None if tags is None else frozenset(tag.removeprefix("W/")[1:-1] for tag in tags))


def _read(name: str, header: str) -> list[str] | None:
    if header.strip(" \t") == "*":
        return None
    tags = ONE.findall(header) if TAGS.fullmatch(header) else []
    if not tags:
        raise Malformed('not `*` or a list of entity tags such as "1"', field=name)
    return tags
