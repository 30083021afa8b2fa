"""Quotes as clients carry them: a JSON payload and its HMAC-SHA256, so that only what was quoted is honoured.

    base64url(payload) "." base64url(HMAC(key, purpose || payload))

The key is for quotes alone, and what is signed begins with their purpose and version: no other signature of the house
is ever a quote, and a quote of another version is none.
"""

import base64
import hashlib
import hmac
from typing import Any, Final

import msgspec

from functions.order.domain.errors import QuoteInvalid
from functions.order.domain.quoting import Quote
from shared.contracts.encode import to_json
from shared.money import Amount

PURPOSE: Final = b"meridian/order/quote/2\n"


class SignedQuotes:
    """Seals quotes, and opens those that were sealed."""

    def __init__(self, key: bytes) -> None:
        """key: the secret for quotes."""
        self._key = key

    def seal(self, quote: Quote) -> str:
        return self._sealed(to_json(quote))

    def open(self, sealed: str) -> Quote:
        try:
            payload = base64.urlsafe_b64decode(sealed.partition(".")[0])
        except ValueError as error:
            raise QuoteInvalid(field="quote") from error
        # The whole text is compared: there is one way to write a quote, to the last bit of its base64.
        if not hmac.compare_digest(sealed.encode(), self._sealed(payload).encode()):
            raise QuoteInvalid(field="quote")
        return msgspec.json.decode(payload, type=Quote, dec_hook=_amount)

    def _sealed(self, payload: bytes) -> str:
        return f"{_text(payload)}.{_text(hmac.digest(self._key, PURPOSE + payload, hashlib.sha256))}"


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()


def _amount(wanted: type[Any], value: Any) -> Any:
    return Amount.parse(value) if wanted is Amount else value
