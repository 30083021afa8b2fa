"""Quotes in the form that clients send back: a JSON payload and its HMAC-SHA256, so that it cannot be forged.

    base64url(payload) "." base64url(HMAC(key, purpose || payload))

The key is for quotes alone, and the signed bytes start with a purpose and version string (domain separation): no other
signature of Meridian verifies as a quote, and neither does a quote of another version.
"""

import base64
import hashlib
import hmac
from typing import Final

from functions.order.domain.errors import QuoteInvalid
from functions.order.domain.quote import Quote
from shared.contracts.encode import from_json, to_json

PURPOSE: Final = b"meridian/order/quote/2\n"


class HmacQuotes:
    """Signs quotes, and verifies them."""

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
        # The whole text is compared, so that a quote has exactly one encoding, to the last bit of its base64.
        if not hmac.compare_digest(sealed.encode(), self._sealed(payload).encode()):
            raise QuoteInvalid(field="quote")
        return from_json(payload, Quote)

    def _sealed(self, payload: bytes) -> str:
        return f"{_text(payload)}.{_text(hmac.digest(self._key, PURPOSE + payload, hashlib.sha256))}"


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()
