"""Sign-In with Ethereum (EIP-4361): parses and renders messages, and checks that they are for this site and time.

The parser accepts exactly the EIP's ABNF, which refers to RFC 3986 for URIs and RFC 3339 for times, and no trailing
text. The signature is verified over the received bytes, never over a message rendered again from what was parsed.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from functions.identity.domain import errors
from shared.errors import Malformed

MAX_LENGTH: Final = 8192
MAX_AGE: Final = timedelta(minutes=5)
MAX_CLOCK_SKEW: Final = timedelta(seconds=30)

WELCOME: Final = " wants you to sign in with your Ethereum account:"


def _pattern(expression: str) -> re.Pattern[str]:
    return re.compile(expression, re.ASCII)


# RFC 3986, appendix A. Possessive quantifiers (*+) never try a shorter match, so that time is linear in length.
_PCHAR: Final = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})"
_SCHEME: Final = r"[A-Za-z][A-Za-z0-9+\-.]*+"
_H16: Final = r"[0-9A-Fa-f]{1,4}"
_OCTET: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_LS32: Final = rf"(?:{_H16}:{_H16}|{_OCTET}(?:\.{_OCTET}){{3}})"
_IPV6: Final = "|".join(
    [rf"(?:{_H16}:){{6}}{_LS32}", rf"::(?:{_H16}:){{5}}{_LS32}"]
    + [rf"(?:(?:{_H16}:){{0,{n}}}{_H16})?::(?:{_H16}:){{{4 - n}}}{_LS32}" for n in range(5)]
    + [rf"(?:(?:{_H16}:){{0,5}}{_H16})?::{_H16}", rf"(?:(?:{_H16}:){{0,6}}{_H16})?::"]
)
_IP_LITERAL: Final = rf"\[(?:{_IPV6}|[vV][0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+)\]"
_REG_NAME: Final = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*+"
_USER: Final = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})*+"
_AUTHORITY: Final = rf"(?:{_USER}@)?(?:{_IP_LITERAL}|{_REG_NAME})(?::[0-9]*+)?"
_PATH: Final = rf"(?://{_AUTHORITY}(?:/{_PCHAR}*+)*+|/(?:{_PCHAR}++(?:/{_PCHAR}*+)*+)?|{_PCHAR}++(?:/{_PCHAR}*+)*+|)"

URI: Final = _pattern(rf"{_SCHEME}:{_PATH}(?:\?(?:{_PCHAR}|[/?])*+)?(?:#(?:{_PCHAR}|[/?])*+)?")
HEADER: Final = _pattern(rf"(?:(?P<scheme>{_SCHEME})://)?(?P<domain>(?!{WELCOME}){_AUTHORITY}){WELCOME}")
STATEMENT: Final = _pattern(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;= ]*+")
CHAIN_ID: Final = _pattern(r"0*+([1-9][0-9]{0,77})|0++")
NONCE: Final = _pattern(r"[A-Za-z0-9]{8,}+")
REQUEST_ID: Final = _pattern(rf"{_PCHAR}*+")
DATE_TIME: Final = _pattern(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:)([0-9]{2})(?:\.([0-9]++))?"
    r"([Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)

SIGNATURE: Final = _pattern(r"0x(?:[0-9A-Fa-f]{2}){1,4096}+")
"""The signature of a contract wallet that is not deployed yet includes its deployment (ERC-6492): usually 1 to 3 KB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message of version 1. `address` is in its EIP-55 form; absent parts are None, `resources` may be empty."""

    domain: str
    address: str
    uri: str
    chain_id: int
    nonce: str
    issued_at: datetime
    scheme: str | None = None
    statement: str | None = None
    expiration_time: datetime | None = None
    not_before: datetime | None = None
    request_id: str | None = None
    resources: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """What messages must name: the URL of this site or of another allowed one, and one of the allowed chains.

    origins: URLs of other sites whose users sign in here, such as a shop front; each as messages must name it.
    """

    url: str
    chains: frozenset[int]
    origins: tuple[str, ...] = ()

    @property
    def domain(self) -> str:
        """The authority of its URL."""
        return _authority(self.url)


def render(message: Message) -> str:
    """The text of a message, ready to be signed."""
    lines = [
        f"{message.scheme}://{message.domain}{WELCOME}" if message.scheme else f"{message.domain}{WELCOME}",
        message.address,
        "",
        *([] if message.statement is None else [message.statement]),
        "",
        f"URI: {message.uri}",
        "Version: 1",
        f"Chain ID: {message.chain_id}",
        f"Nonce: {message.nonce}",
        f"Issued At: {_rfc3339(message.issued_at)}",
    ]
    if message.expiration_time is not None:
        lines.append(f"Expiration Time: {_rfc3339(message.expiration_time)}")
    if message.not_before is not None:
        lines.append(f"Not Before: {_rfc3339(message.not_before)}")
    if message.request_id is not None:
        lines.append(f"Request ID: {message.request_id}")
    if message.resources is not None:
        lines += ["Resources:", *(f"- {resource}" for resource in message.resources)]
    return "\n".join(lines)


def parse(text: str, checksum: Callable[[str], str]) -> Message:
    """Parse a message.

    checksum: returns the EIP-55 form of an address, or raises ValueError.
    Raises Malformed, naming the part, for whatever the EIP's grammar does not allow.
    """
    if len(text) > MAX_LENGTH:
        raise Malformed(f"a message has at most {MAX_LENGTH} characters", field="message")
    lines = _Lines(text)
    header = lines.whole("first line", HEADER)
    address = lines.next("address")
    try:
        canonical = checksum(address)
    except ValueError as error:
        raise Malformed(f"Address: {error}", field="message") from error
    if canonical != address:
        raise Malformed("Address: not in its EIP-55 form", field="message")
    lines.blank()
    statement = lines.statement()
    uri = lines.field("URI", URI)
    lines.field("Version", _pattern("1"))
    return Message(
        scheme=header["scheme"],
        domain=header["domain"],
        address=address,
        statement=statement,
        uri=uri,
        chain_id=int(lines.field("Chain ID", CHAIN_ID).lstrip("0") or "0"),
        nonce=lines.field("Nonce", NONCE),
        issued_at=_time("Issued At", lines.field("Issued At", DATE_TIME)),
        expiration_time=_time_or_none("Expiration Time", lines.optional("Expiration Time", DATE_TIME)),
        not_before=_time_or_none("Not Before", lines.optional("Not Before", DATE_TIME)),
        request_id=lines.optional("Request ID", REQUEST_ID),
        resources=lines.resources(),
    )


def admit(message: Message, site: Site, now: datetime) -> None:
    """Check that a message is for this site and valid now. Raises the SignInRefused that says why not."""
    _admit_origin(message, site)
    if message.chain_id not in site.chains:
        raise errors.ChainNotAllowed
    if message.issued_at < now - MAX_AGE:
        raise errors.MessageTooOld
    if message.issued_at > now + MAX_CLOCK_SKEW:
        raise errors.MessageFromFuture
    if message.expiration_time is not None and message.expiration_time <= now:
        raise errors.MessageExpired
    if message.not_before is not None and message.not_before > now:
        raise errors.MessageNotYetValid


def _admit_origin(message: Message, site: Site) -> None:
    """Check that domain, scheme and URI are those of one and the same site."""
    named = [url for url in (site.url, *site.origins) if _authority(url) == message.domain]
    if not named:
        raise errors.DomainMismatch
    named = [url for url in named if message.scheme in (None, url.split("://", 1)[0])]
    if not named:
        raise errors.SchemeMismatch
    if message.uri not in named:
        raise errors.UriMismatch


def _authority(url: str) -> str:
    return url.split("://", 1)[1].split("/", 1)[0]


def signature_bytes(text: str) -> bytes:
    """The bytes of a signature, written as 0x and hexadecimal digits. Raises SignatureInvalid.

    The signature of a key has 65 bytes, which its verification checks; that of a contract wallet may have any length.
    """
    if not SIGNATURE.fullmatch(text):
        raise errors.SignatureInvalid
    return bytes.fromhex(text[2:])


class _Lines:
    """The lines of a message, read in order."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._at = 0

    def next(self, name: str) -> str:
        """The next line. Raises Malformed when there is none."""
        if self._at == len(self._lines):
            raise Malformed(f"{name}: missing", field="message")
        self._at += 1
        return self._lines[self._at - 1]

    def whole(self, name: str, pattern: re.Pattern[str]) -> re.Match[str]:
        """The next line, which must match."""
        return _matched(name, pattern, self.next(name))

    def blank(self) -> None:
        """An empty line."""
        if self.next("empty line"):
            raise Malformed("an empty line is missing", field="message")

    def statement(self) -> str | None:
        """The statement and the empty line after it; without one, only that line."""
        first = self.next("statement")
        if not first and self._peek().startswith("URI: "):
            return None
        _matched("statement", STATEMENT, first)
        self.blank()
        return first

    def field(self, label: str, pattern: re.Pattern[str]) -> str:
        """The value of the next line, which must have this label."""
        found, separator, value = self.next(label).partition(": ")
        if found != label or not separator:
            raise Malformed(f"{label}: missing or not in its place", field="message")
        return _matched(label, pattern, value)[0]

    def optional(self, label: str, pattern: re.Pattern[str]) -> str | None:
        """As `field`, if the next line has this label; else None."""
        return self.field(label, pattern) if self._peek().startswith(f"{label}: ") else None

    def resources(self) -> tuple[str, ...] | None:
        """The rest: nothing, or resources, a line each."""
        if self._at == len(self._lines):
            return None
        if self.next("Resources") != "Resources:":
            raise Malformed("an unknown line, or one out of its place", field="message")
        found = self._lines[self._at :]
        if not all(line.startswith("- ") for line in found):
            raise Malformed("Resources: each is a line that begins with a dash", field="message")
        return tuple(_matched("Resources", URI, line[2:])[0] for line in found)

    def _peek(self) -> str:
        return self._lines[self._at] if self._at < len(self._lines) else ""


def _matched(name: str, pattern: re.Pattern[str], text: str) -> re.Match[str]:
    matched = pattern.fullmatch(text)
    if matched is None:
        raise Malformed(f"{name}: not as EIP-4361 has it", field="message")
    return matched


def _time_or_none(name: str, text: str | None) -> datetime | None:
    return None if text is None else _time(name, text)


def _time(name: str, text: str) -> datetime:
    """A date-time of RFC 3339, to the microsecond. Raises Malformed for one that does not exist."""
    date, minutes, seconds, fraction, offset = _matched(name, DATE_TIME, text).groups()
    zone = "+00:00" if offset in "Zz" else offset
    leap = seconds == "60"
    microseconds = f"{fraction or ''}000000"[:6]
    try:
        moment = datetime.fromisoformat(f"{date}T{minutes}{'59' if leap else seconds}.{microseconds}{zone}")
        if leap:
            moment += timedelta(seconds=1)
            if moment.astimezone(UTC).strftime("%d %H:%M:%S") != "01 00:00:00":
                raise ValueError("leap seconds end a month")
    except (ValueError, OverflowError) as error:
        raise Malformed(f"{name}: no such time", field="message") from error
    return moment


def _rfc3339(moment: datetime) -> str:
    """A time in UTC as RFC 3339 writes it, without a fraction of zero."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
