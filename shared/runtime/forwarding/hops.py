"""A hop: a request that a function hands on to the same function where the request's home cell is served.

It has four headers that no client may send: the edge removes them, and a hop without a service's credentials is
refused. On the local stack these are a shared secret; in the cloud Google's ID token of the service account that runs
the row in every region. The network address that the request came from travels as the one entry of X-Forwarded-For:
whoever sends a hop stands in front of its receiver as the edge does.

A hop is never handed on again: whoever does not serve its cell refuses it with 421 MOVED and the epoch that it knows.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Final

import flask
import msgspec

from shared.config import Settings
from shared.errors import Misdirected, Moved, Unauthenticated
from shared.firestore.cells import CellMap
from shared.resilience.deadline import time_left
from shared.runtime.internal import authorise_internal

if TYPE_CHECKING:
    from shared.auth.oidc import GoogleTokens
    from shared.auth.service_identity import ServiceToken

PREFIX: Final = "x-meridian-"
"""What the names of a hop's headers begin with, in lower case."""

CELL: Final = "X-Meridian-Cell"
"""The cell that the request is for. A request with this header is a hop."""

EPOCH: Final = "X-Meridian-Epoch"
"""The epoch under which the sender believes the receiver to serve that cell."""

SECONDS: Final = "X-Meridian-Seconds"
"""How long the sender waits for the response."""

AUTHORIZATION: Final = "X-Meridian-Authorization"

SECRET: Final = "push_token"  # noqa: S105 - a name
"""The local stack's secret of internal callers (shared/runtime/internal.py)."""

RESERVED_SECONDS: Final = 0.25
"""What the sender keeps of the time it has, to pass the response on."""


class Hop(msgspec.Struct, frozen=True):
    """What a hop says of itself: the cell, and the epoch that its sender knows."""

    cell: str
    epoch: int


class HopCredentials:
    """What identifies a service that sends a hop, and the check of it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def own(self) -> str:
        """This process's credentials. Raises Unavailable if Google gives none."""
        if self._settings.local:
            return f"Bearer {self._secret}"
        return f"Bearer {self._token.value()}"

    def check(self, presented: str) -> None:
        """Authenticate a sender by what it presents. Raises Misdirected, Unavailable."""
        scheme, _, token = presented.partition(" ")
        if scheme != "Bearer":
            raise Misdirected
        try:
            if self._settings.local:
                authorise_internal(token, self._settings)
            else:
                self._accepted.check(token)
        except Unauthenticated as error:
            raise Misdirected from error

    @cached_property
    def _secret(self) -> str:
        return self._settings.secret(SECRET).decode("ascii")

    @property
    def _audience(self) -> str:
        """The same in every region; no other token is issued for it."""
        return f"{self._settings.public_url}/forwarding"

    @cached_property
    def _token(self) -> "ServiceToken":
        from shared.auth.service_identity import ServiceToken

        return ServiceToken(self._audience)

    @cached_property
    def _accepted(self) -> "GoogleTokens":
        from shared.auth.oidc import GoogleTokens

        return GoogleTokens(self._audience, self._settings.forwarding_accounts)


class Arrivals:
    """Recognises hops, and refuses those that are not for this process."""

    def __init__(self, settings: Settings, cells: CellMap, credentials: HopCredentials) -> None:
        self._settings = settings
        self._cells = cells
        self._credentials = credentials

    def hop_of(self, request: flask.Request) -> Hop | None:
        """The hop that a request is; None if it is a client's. Raises Misdirected, Moved, Unavailable."""
        cell = request.headers.get(CELL)
        if cell is None:
            return None
        self._credentials.check(request.headers.get(AUTHORIZATION, ""))
        epoch = request.headers.get(EPOCH, "")
        if not (epoch.isascii() and epoch.isdecimal() and len(epoch) < 19):
            raise Misdirected
        hop = Hop(cell, int(epoch))
        self._check_serves(hop)
        return hop

    def _check_serves(self, hop: Hop) -> None:
        asked_at = self._cells.now()
        here = self._cells.of(self._settings.cell)
        if hop.cell != here.cell:
            raise Moved(0)
        if hop.epoch > here.epoch:  # the sender knows of a promotion that this process has not heard of
            self._cells.refresh(asked_at)
            here = self._cells.of(here.cell)
        if here.region != self._settings.region:
            raise Moved(here.epoch)


def seconds_of(request: flask.Request, seconds: float | None) -> float | None:
    """How long a request may take: as long as its row says, or less if a hop's sender does not wait so long.

    Whoever forges the header only shortens their own time.
    """
    text = request.headers.get(SECONDS)
    if text is None:
        return seconds
    try:
        wanted = max(0.0, float(text))
    except ValueError:
        return seconds
    return wanted if seconds is None else min(seconds, wanted)


def headers_of(hop: Hop, credentials: HopCredentials, seconds: float) -> dict[str, str]:
    """The headers of a hop whose sender has so much time."""
    left = time_left(seconds) - RESERVED_SECONDS
    return {
        CELL: hop.cell,
        EPOCH: str(hop.epoch),
        SECONDS: f"{max(0.0, left):.3f}",
        AUTHORIZATION: credentials.own(),
    }
