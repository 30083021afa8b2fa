"""Money: integers of atomic units (wei, 10^-6 USDC), never floats; decimal strings in JSON and contracts."""

import re
from collections.abc import Mapping
from typing import Final, Literal

Currency = Literal["ETH", "MATIC", "USDC"]
MAXIMUM: Final = 2**256 - 1
DECIMALS: Final[Mapping[str, int]] = {"ETH": 18, "USDC": 6, "MATIC": 18}
"""The currencies and their number of decimal places."""

_PATTERN: Final = re.compile(r"0|[1-9][0-9]{0,77}", re.ASCII)


class Amount(int):
    """A non-negative number of atomic units below 2^256."""

    @classmethod
    def parse(cls, text: object) -> "Amount":
        """Parse the API's decimal string. Raises ValueError for anything but `0|[1-9][0-9]{0,77}` below 2^256."""
        if not isinstance(text, str) or not _PATTERN.fullmatch(text):
            raise ValueError('must be a decimal string of atomic units, such as "1500000"')
        value = int(text)
        if value > MAXIMUM:
            raise ValueError("must be below 2^256")
        return cls(value)


class SignedAmount(int):
    """A signed number of atomic units, as in ledger entries."""


def fee(amount: int, fee_bps: int) -> int:
    """The platform's fee on an amount: floor(amount * fee_bps / 10,000)."""
    return amount * fee_bps // 10_000


def format_amount(amount: int, currency: str) -> str:
    """An amount for display: `format_amount(1_500_000, "USDC")` is "1.5 USDC"."""
    whole, fraction = divmod(amount, 10 ** DECIMALS[currency])
    digits = f"{fraction:0{DECIMALS[currency]}d}".rstrip("0")
    return f"{whole}{'.' + digits if digits else ''} {currency}"
