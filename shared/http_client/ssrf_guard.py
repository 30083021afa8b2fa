"""Requests to user-supplied URLs, restricted to the public internet (protection against SSRF).

A name is resolved once; all its addresses must be public, and the connection goes to one of the checked addresses, so
that DNS rebinding has no effect. TLS and the Host header use the name. No redirect is followed, no proxy is used, and
only the head of the response is read.

Public is every address outside IANA's registries of special-purpose addresses (RFC 6890 and its successors).
"""

import re
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from http.client import HTTPException
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from shared.http_client.read_deadline import cut_after

RESOLVE_SECONDS: Final = 3.0
CONNECT_SECONDS: Final = 3.0
URL_AT_MOST: Final = 2048
PORTS: Final = frozenset({80, 443})
FIRST_FREE_PORT: Final = 1024
"""Outside the local stack webhooks may use the ports of HTTP or unprivileged ones, but not, say, a mail server's."""

SPECIAL: Final = tuple(
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        # In IPv6 only 2000::/3 is global unicast, which excludes mapped, translated and local addresses.
        *("::/3", "4000::/2", "8000::/1"),
        # Within it: Teredo and other IETF assignments, 6to4, documentation.
        *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
    )
)

_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9.])?", re.ASCII)

Address = IPv4Address | IPv6Address


class Unreachable(Exception):
    """Why there is no response, in words for the user who supplied the URL."""


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed URL."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Reply:
    """The head of a response. retry_after: in seconds, 0 if absent."""

    status: int
    retry_after: int


def target(url: str, *, loopback: bool) -> Target:
    """Parse a user-supplied URL. Raises ValueError if it is not allowed.

    loopback: whether this machine and plain HTTP are allowed, as on the local stack.
    """
    if len(url) > URL_AT_MOST or not url.isascii() or not url.isprintable() or set(url) & set(' "<>\\^`{|}'):
        raise ValueError(f"a URL of at most {URL_AT_MOST} printable ASCII characters")
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or (parts.scheme == "http" and not loopback):
        raise ValueError("an http or https URL" if loopback else "an https URL")
    if "@" in parts.netloc or "#" in url:
        raise ValueError("a URL without user information and fragment")
    host, port = (
        parts.hostname or "",
        parts.port if parts.port is not None else (443 if parts.scheme == "https" else 80),
    )
    if not (_literal(host) or _NAME.fullmatch(host)):
        raise ValueError("a URL with a host")
    if not loopback and port not in PORTS and port < FIRST_FREE_PORT:
        raise ValueError("a URL with port 80, 443, or one from 1024 on")
    literal = _literal(host)
    if port == 0 or (literal and not allowed(literal, loopback=loopback)):
        raise ValueError("a URL of a public address")
    return Target(parts.scheme == "https", host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def allowed(address: Address, *, loopback: bool) -> bool:
    """Whether requests to an address are allowed."""
    if loopback and address.is_loopback:
        return True
    return not any(address in network for network in SPECIAL if network.version == address.version)


def resolved(to: Target, *, loopback: bool) -> Sequence[str]:
    """Resolve a target to addresses, all of which are allowed. Raises Unreachable."""
    try:
        found = (
            _resolver().submit(socket.getaddrinfo, to.host, to.port, type=socket.SOCK_STREAM).result(RESOLVE_SECONDS)
        )
    except (OSError, UnicodeError, Late) as error:
        raise Unreachable("the name does not resolve") from error
    addresses = [str(place[0]) for *_, place in found]
    for address in addresses:
        literal = _literal(address)
        if literal is None or not allowed(literal, loopback=loopback):
            raise Unreachable("the name resolves to an address that is not public")
    return list(dict.fromkeys(addresses))


def post(to: Target, body: bytes, headers: Mapping[str, str], *, loopback: bool, within_seconds: float) -> Reply:
    """POST a body; returns the head of the response. Raises Unreachable.

    within_seconds: the total time limit, without name resolution and connecting.
    """
    failure: Exception | None = None
    for address in resolved(to, loopback=loopback)[:2]:
        connection = _connection(to, address)
        try:
            connection.connect()
        except (HTTPError, OSError, ValueError) as error:
            failure = error
            connection.close()
            continue
        return _exchange(connection, to, body, headers, within_seconds)
    raise Unreachable(_reason(failure)) from failure


def _exchange(
    connection: HTTPConnection, to: Target, body: bytes, headers: Mapping[str, str], within_seconds: float
) -> Reply:
    began = time.monotonic()
    addressed = {**headers, "Host": to.authority}
    try:
        with cut_after(connection, within_seconds):
            if connection.sock is not None:
                connection.sock.settimeout(within_seconds)
            connection.request("POST", to.path, body=body, headers=addressed, preload_content=False)
            head = connection.getresponse()
            return Reply(head.status, _seconds(head.headers.get("Retry-After", "")))
    except (HTTPError, HTTPException, OSError, ValueError) as error:
        late = time.monotonic() - began >= within_seconds
        raise Unreachable("no answer in time" if late else _reason(error)) from error
    finally:
        connection.close()


def _connection(to: Target, address: str) -> HTTPConnection:
    """A connection to a checked address, without a second resolution."""
    if not to.secure:
        return HTTPConnection(address, to.port, timeout=CONNECT_SECONDS)
    return HTTPSConnection(
        address,
        to.port,
        timeout=CONNECT_SECONDS,
        ssl_context=_tls(),
        server_hostname=to.host,
        assert_hostname=to.host,
    )


def _reason(error: Exception | None) -> str:
    """What went wrong, without details of our network."""
    reason = error.__cause__ or error if error else None
    if isinstance(reason, ssl.SSLError) or (isinstance(error, HTTPError) and "SSL" in str(error)):
        return "TLS could not be agreed upon"
    if isinstance(error, ConnectionError) or "refused" in str(error):
        return "the connection was refused or broken off"
    return "no answer in time" if isinstance(reason, TimeoutError) or "timed out" in str(error) else "no proper answer"


def _seconds(text: str) -> int:
    """Parse Retry-After (RFC 9110, 10.2.3): seconds or a date; 0 for anything else."""
    if text.isascii() and text.isdecimal():
        return int(text[:9])
    with suppress(ValueError, TypeError, OverflowError):
        return max(0, int(parsedate_to_datetime(text).timestamp() - time.time()))
    return 0


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


@cache
def _resolver() -> ThreadPoolExecutor:
    """Threads for the system's resolver, which has no timeout: slow lookups only occupy these."""
    return ThreadPoolExecutor(8, thread_name_prefix="resolver")


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
