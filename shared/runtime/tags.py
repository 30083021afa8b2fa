"""Entity tags (RFC 9110, section 8.8.3): in requests If-Match and If-None-Match, and the epoch in them.

A promotion may undo the last changes, and others take their versions. So tags of a cell that was promoted name its
epoch: `"7-12"` becomes `"7-12-e2"`, and a tag of an earlier epoch matches nothing.
"""

import re
from typing import Final

import msgspec

from shared.contracts.operations import Match
from shared.errors import Malformed, MatchRequired

TAG: Final = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
"""One entity tag; its text has no quote and no control character."""

TAGS: Final = re.compile(rf"[ \t]*+(?:{TAG})?+(?:[ \t]*+,[ \t]*+(?:{TAG})?+)*+[ \t]*+")
"""A list of them, with empty elements (RFC 9110, 5.6.1.2). Possessive, so that no header backtracks."""

ONE: Final = re.compile(TAG)


class KnownTags(msgspec.Struct, frozen=True):
    """The tags in If-None-Match, compared weakly; None for `*`, which matches any."""

    tags: frozenset[str] | None

    def has(self, tag: str | None) -> bool:
        """Whether a tag matches."""
        return tag is not None and (self.tags is None or tag in self.tags)


EPOCH: Final = re.compile(r"-e([1-9][0-9]*)\Z")


def under(tag: str | None, epoch: int) -> str | None:
    """A tag, of what was read under an epoch; those of the first one do not name it."""
    return tag if tag is None or epoch == 1 else f"{tag}-e{epoch}"


def of_epoch(given: Match, epoch: int) -> Match:
    """Without the tags of other epochs."""
    if given.tags is None:
        return given
    found = {tag: EPOCH.search(tag) for tag in given.tags}
    return Match(frozenset(tag for tag, named in found.items() if int(named[1] if named else 1) == epoch))


def match(header: str | None) -> Match:
    """Parse If-Match. Raises MatchRequired without one, Malformed if it is not a list of entity tags."""
    if header is None:
        raise MatchRequired
    tags = _read("If-Match", header)
    # If-Match compares strongly: a weak tag never matches.
    return Match(None if tags is None else frozenset(tag[1:-1] for tag in tags if not tag.startswith("W/")))


def known(header: str | None) -> KnownTags:
    """Parse If-None-Match; no tags without one. Raises Malformed if it is not a list of entity tags."""
    tags = _read("If-None-Match", header) if header is not None else []
    return KnownTags(None if tags is None else frozenset(tag.removeprefix("W/")[1:-1] for tag in tags))


def _read(name: str, header: str) -> list[str] | None:
    if header.strip(" \t") == "*":
        return None
    tags = ONE.findall(header) if TAGS.fullmatch(header) else []
    if not tags:
        raise Malformed('must be `*` or a list of entity tags such as "1"', field=name)
    return tags
