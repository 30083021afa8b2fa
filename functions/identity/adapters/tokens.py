"""Access tokens, and the keys that sign them."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from functions.identity.views import KeyView
from shared.auth import keys, tokens
from shared.config import Settings
from shared.decoding import ready


class JwtAccessTokens:
    """Access tokens."""

    life_seconds = int(tokens.LIFE.total_seconds())

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def issue(self, user_id: str, session_id: str, scopes: Sequence[str], now: datetime) -> str:
        return tokens.issue(self._settings, user_id, session_id, scopes, now)


class KeyRingKeys:
    """The keys that sign access tokens."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def published(self, now: datetime) -> list[KeyView]:
        return msgspec.convert(keys.key_ring(self._settings).published(now), ready(list[KeyView]), from_attributes=True)
