"""The wallet services of other cells, over gRPC."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from functions.wallet.domain.custody import Arrival
from functions.wallet.domain.proof import AskedElsewhere, CellCustody, LedgerSnapshot
from functions.wallet.domain.transit import RemoteWallet, Sums
from shared import ids
from shared.contracts.gen.wallet_pb2 import (
    ClaimDepositsRequest,
    ClaimDepositsResponse,
    DescribeRequest,
    DescribeResponse,
    SumTransitsRequest,
    SumTransitsResponse,
    TellCustodyRequest,
    TellCustodyResponse,
)
from shared.errors import Unavailable

if TYPE_CHECKING:
    from shared.rpc.channel import RpcChannel

log = logging.getLogger(__name__)

DESCRIBE_SECONDS: Final = 2.0
"""How long a payer waits for the payee's cell, in seconds: a database connection waits with them."""

CLAIM_SECONDS: Final = 5.0
"""The timeout of ClaimDeposits, in seconds: the other cell asks its node whether their blocks stand."""

SUM_SECONDS: Final = 10.0
"""The timeout of SumTransits, in seconds: it reads all that was ever sent."""


class GrpcOtherCells:
    """The wallet services of other cells."""

    def __init__(self, channel: "Callable[[str], RpcChannel]", cell: str, cells: Sequence[str]) -> None:
        """
        channel: opens the channel to the wallet service of a cell.
        cell: this one. cells: the other cells of this deployment.
        """
        self._channel = channel
        self._cell = cell
        self._cells = cells

    def wallet(self, wallet_id: str) -> RemoteWallet | None:
        cell = ids.parse(wallet_id, "wal").cell
        if cell not in self._cells:
            return None
        request = DescribeRequest(wallet_ids=[wallet_id])
        found = self._channel(cell).call("Wallet.Describe", request, DescribeResponse, DESCRIBE_SECONDS).wallets
        return RemoteWallet(found[0].wallet_id, found[0].user_id, found[0].open) if found else None

    def sent(self, giver: str, through: int) -> Sums:
        request = SumTransitsRequest(receiver=self._cell, through=through)
        answer = self._channel(giver).call("Wallet.SumTransits", request, SumTransitsResponse, SUM_SECONDS)
        return Sums(answer.movements, answer.digest)

    def claim(self, arrivals: Sequence[Arrival]) -> tuple[set[Arrival], bool]:
        claimed, complete = set[Arrival](), True
        request = ClaimDepositsRequest(deposits=[_message(each) for each in arrivals])
        for cell in self._cells if arrivals else ():
            try:
                answer = self._channel(cell).call("Wallet.ClaimDeposits", request, ClaimDepositsResponse, CLAIM_SECONDS)
                claimed |= {arrivals[place] for place in answer.claimed}
            except Unavailable as error:
                log.warning("%s cannot say which deposits are its own: %s", cell, error)
                complete = False
        return claimed, complete

    def lowest_block(self) -> int | None:
        answers = [self._custody(cell, TellCustodyRequest()) for cell in self._cells]
        return min((answer.reached for answer in answers), default=None)

    def custody(self, number: int, at: datetime | None) -> Sequence[CellCustody]:
        return [self._custody_of(cell, number, at) for cell in self._cells]

    def _custody_of(self, cell: str, number: int, at: datetime | None) -> CellCustody:
        pages = [self._custody(cell, TellCustodyRequest(number=number, at=at))]
        while pages[-1].more:
            after = pages[-1].withdrawals[-1].id
            pages.append(self._custody(cell, TellCustodyRequest(number=number, at=at, after=after)))
        first, withdrawals = pages[0], [each for page in pages for each in page.withdrawals]
        if first.reached < number:
            raise Unavailable(f"{cell} has to read the chain again.")
        return CellCustody(
            booked={each.currency: int(each.amount) for each in first.booked},
            kept=LedgerSnapshot(
                {(each.holder, each.currency): int(each.amount) for each in first.balances},
                frozenset(each.id for each in withdrawals if each.debited),
            ),
            beyond={each.currency: int(each.amount) for each in first.beyond},
            withdrawals=[AskedElsewhere(w.id, w.status, w.currency, int(w.amount)) for w in withdrawals],
        )

    def _custody(self, cell: str, request: TellCustodyRequest) -> TellCustodyResponse:
        return self._channel(cell).call("Wallet.TellCustody", request, TellCustodyResponse, SUM_SECONDS)


def _message(arrival: Arrival) -> ClaimDepositsRequest.Deposit:
    return ClaimDepositsRequest.Deposit(
        transaction_hash=arrival.transaction_hash,
        position=arrival.position,
        block_number=arrival.place.number,
        block_hash=arrival.place.hash,
        wallet_key=arrival.wallet_key,
        currency=arrival.currency,
        amount=str(arrival.amount),
    )
