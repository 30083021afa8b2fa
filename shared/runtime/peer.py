"""Who is at the other end of a request, on the network."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final

import flask

NETWORK_BITS: Final = 64
"""What one subscriber has of IPv6 at least: their addresses within it count as one."""


def client_address(request: flask.Request, proxies: int) -> str:
    """The network address that a request came from; of IPv6 its /64.

    proxies: how many proxies of ours are in front. Each adds whom it heard to X-Forwarded-For; what stands before
    that is the client's own word.
    """
    heard = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    return _network(heard[-proxies] if proxies and len(heard) >= proxies else request.remote_addr or "")


@lru_cache(maxsize=1024)
def _network(told: str) -> str:
    """What counts as one of what is told; read once a request, and again for its log."""
    try:
        address = ip_address(told)
    except ValueError:
        return told[:64]
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address) >> (128 - NETWORK_BITS) << (128 - NETWORK_BITS)))
    return str(address)
