"""Clients of other services over gRPC."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from functions.identity.domain.users import User
from shared.contracts.gen.wallet_pb2 import OpenDefaultRequest, OpenDefaultResponse
from shared.resilience.policies import POLICIES

if TYPE_CHECKING:
    from shared.rpc.channel import RpcChannel

AWAY_SECONDS: Final = 1.0
"""How long a sign-in away from home waits for the home, in seconds: it goes on without it."""


class GrpcWallets:
    """The wallet services of all cells."""

    def __init__(self, channel: "Callable[[str], RpcChannel]", cell: str) -> None:
        """
        channel: opens the channel to the wallet service of a cell.
        cell: this one.
        """
        self._channel = channel
        self._cell = cell

    def open_default(self, user: User, chain_id: int) -> None:
        request = OpenDefaultRequest(user_id=user.id, address=user.address, chain_id=chain_id)
        seconds = POLICIES["rpc"].timeout_seconds if user.home_cell == self._cell else AWAY_SECONDS
        self._channel(user.home_cell).call("Wallet.OpenDefault", request, OpenDefaultResponse, seconds)
