"""Requests to addresses that users name: to the public internet alone, whatever they resolve or redirect to.

A name is resolved here, once; every address that it has must be public, and the connection goes to one of those that
were looked at, so that a name that says something else a moment later (DNS rebinding) changes nothing. TLS and the Host
header are about the name. No redirect is followed, no proxy is used, and no more of an answer is read than its head.

What is public is what IANA's registries of special-purpose addresses leave over (RFC 6890 and its successors).
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
from threading import Timer
from typing import Final
from urllib.parse import urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

RESOLVE_SECONDS: Final = 3.0
CONNECT_SECONDS: Final = 3.0
URL_AT_MOST: Final = 2048
PORTS: Final = frozenset({80, 443})
FIRST_FREE_PORT: Final = 1024
"""Outside the local stack webhooks go to the ports of HTTP, or to unprivileged ones: not to a mail server."""

SPECIAL: Final = tuple(
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        # Of IPv6 only 2000::/3 is unicast for everyone, which leaves out mapped, translated and local addresses.
        *("::/3", "4000::/2", "8000::/1"),
        # In it: Teredo and others of the IETF, 6to4, documentation.
        *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
    )
)

_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9.])?", re.ASCII)

Address = IPv4Address | IPv6Address


class Unreachable(Exception):
    """Why there is no answer, for whoever named the address."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, taken apart."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Reply:
    """The head of an answer. retry_after: in seconds, 0 where it does not say."""

    status: int
    retry_after: int


def target(url: str, *, loopback: bool) -> Target:
    """Take apart a URL that a user names. Raises ValueError for what nothing is sent to.

    loopback: whether this machine may be named, and TLS be left out: on the local stack alone.
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
    """Whether something may be sent to an address."""
    if loopback and address.is_loopback:
        return True
    return not any(address in network for network in SPECIAL if network.version == address.version)


def resolved(to: Target, *, loopback: bool) -> Sequence[str]:
    """The addresses of a target, all of which may be sent to. Raises Unreachable."""
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
    """Send a body, and tell how the answer begins. Raises Unreachable.

    within_seconds: how long all of it may take, the resolution of the name and TLS left out.
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
    raise Unreachable(_told(failure)) from failure


def _exchange(
    connection: HTTPConnection, to: Target, body: bytes, headers: Mapping[str, str], within_seconds: float
) -> Reply:
    def cut() -> None:
        """A socket's timeout is one of each read: a head of which a byte comes now and then would be read for ever."""
        with suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)

    began = time.monotonic()
    timer = Timer(within_seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        if connection.sock is not None:
            connection.sock.settimeout(within_seconds)
        connection.request("POST", to.path, body=body, headers={**headers, "Host": to.authority}, preload_content=False)
        head = connection.getresponse()
        return Reply(head.status, _seconds(head.headers.get("Retry-After", "")))
    except (HTTPError, HTTPException, OSError, ValueError) as error:
        late = time.monotonic() - began >= within_seconds
        raise Unreachable("no answer in time" if late else _told(error)) from error
    finally:
        timer.cancel()
        connection.close()


def _connection(to: Target, address: str) -> HTTPConnection:
    """A connection to an address that was looked at; an address needs no second resolution."""
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


def _told(error: Exception | None) -> str:
    """What went wrong, in words that give away nothing of where we are."""
    reason = error.__cause__ or error if error else None
    if isinstance(reason, ssl.SSLError) or (isinstance(error, HTTPError) and "SSL" in str(error)):
        return "TLS could not be agreed upon"
    if isinstance(error, ConnectionError) or "refused" in str(error):
        return "the connection was refused or broken off"
    return "no answer in time" if isinstance(reason, TimeoutError) or "timed out" in str(error) else "no proper answer"


def _seconds(text: str) -> int:
    """A Retry-After (RFC 9110, 10.2.3): seconds, or a date; 0 for what is neither."""
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
    """The system's resolver has no deadline of its own; what is late there holds up only these threads."""
    return ThreadPoolExecutor(8, thread_name_prefix="resolver")


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
