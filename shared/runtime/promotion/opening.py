"""A cell that nobody serves yet, in one process: its databases without a fence, its own operations called directly.

While a promotion is under way nobody holds the cell's lease, so its hosts can commit nothing. Whoever promotes it has
to: its inboxes get what they lack, and effects of events call the cell's own services. The cell's record says that it
is being opened, and names no standby, so nobody else can promote it meanwhile.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from google.protobuf.message import Message
from msgspec.structs import replace

from shared.config import Settings
from shared.registry import Row, load
from shared.resilience.deadline import within
from shared.resources import Resources
from shared.rpc.channel import TIMEOUT_SECONDS
from shared.runtime.binding import BoundOperation

if TYPE_CHECKING:
    from shared.rpc.channel import RpcChannel

R = TypeVar("R", bound=Message)


class Bind(Protocol):
    """Binds a row to its operation (functions/main.py)."""

    def __call__(self, row: Row, host: str | None = None, parts: Resources | None = None) -> BoundOperation:
        """host: the service whose host it would run in, if not its own. parts: its resources."""


class OpeningCell(Resources):
    """The resources of a cell that is being opened."""

    def __init__(self, settings: Settings, bind: Bind) -> None:
        super().__init__(replace(settings, cell_leases=False))
        self._bind = bind

    def prepare(self) -> None:
        """Import the code of everything that may run while the cell is opened; nothing is connected to.

        It takes seconds, which a promotion has while it watches the lease.
        """
        registry = load()
        for row in registry.event_rows():
            self.bound(row)
        for service in registry.services:
            for row in registry.hosted_rpcs(service):
                self.bound(row, service if row.hosts else None)
        self.bound(registry.rows["audit"])

    def channel(self, to: str, caller: str, cell: str | None = None) -> "RpcChannel":
        """A channel to another cell; a call of this one's own services runs in this process."""
        if cell not in (None, self.settings.cell):
            return super().channel(to, caller, cell)
        return cast("RpcChannel", DirectCalls(to, self.bound))

    def bound(self, row: Row, host: str | None = None) -> BoundOperation:
        """A row of the cell, bound to these resources."""
        return self._bind(row, host=host, parts=self)


class DirectCalls:
    """Calls of one service's RPCs, in place of a channel to its host."""

    def __init__(self, service: str, bound: Callable[[Row, str | None], BoundOperation]) -> None:
        self._service = service
        self._bound = bound

    def call(self, rpc: str, request: Message, answer: type[R], timeout_seconds: float = TIMEOUT_SECONDS) -> R:
        """Run the operation of an RPC. Raises what it raises."""
        row = next(row for row in load().hosted_rpcs(self._service) if row.rpc == rpc)
        with within(timeout_seconds):
            response = self._bound(row, self._service if row.hosts else None).run(request=request)
        assert isinstance(response, answer)
        return response
