"""The client's network address."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final

import flask

NETWORK_BITS: Final = 64
"""The smallest IPv6 prefix that one subscriber gets: all addresses in it count as one client."""


def client_address(request: flask.Request, proxies: int) -> str:
    """The network address that a request came from; for IPv6 its /64.

    proxies: how many trusted proxies are in front. Each appends its peer to X-Forwarded-For; entries before those were
    sent by the client and prove nothing.
    """
    hops = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    return _network(hops[-proxies] if proxies and len(hops) >= proxies else request.remote_addr or "")


@lru_cache(maxsize=1024)
def _network(text: str) -> str:
    """The canonical form of an address; cached, since it is needed for the limits and again for the access log."""
    try:
        address = ip_address(text)
    except ValueError:
        return text[:64]
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address) >> (128 - NETWORK_BITS) << (128 - NETWORK_BITS)))
    return str(address)
