"""Where the RPC hosts of another cell are."""

from typing import Final

from shared.config import Settings
from shared.registry import load

PORT: Final = 443
"""Where Cloud Run serves."""


def address_of(settings: Settings, service: str, cell: str, region: str) -> str | None:
    """host:port of a service's RPC host for another cell; None if nothing says so.

    region: the one that serves the cell at the moment.
    """
    if settings.rpc_url:
        url = settings.rpc_url.format(service=service, suffix=load().suffix_of(cell, region), region=region)
        return f"{url.removeprefix('https://')}:{PORT}"
    address = settings.rpc_addresses.get(f"{service}@{cell}@{region}")
    if address is None and region == load().cells[cell]:
        address = settings.rpc_addresses.get(f"{service}@{cell}")
    return address
