"""Sum what this cell has sent to another, which compares it with what it has received."""

from functions.wallet.ports import WalletWork
from shared.contracts.gen.wallet_pb2 import SumTransitsRequest, SumTransitsResponse


def sum_transits(request: SumTransitsRequest, work: WalletWork) -> SumTransitsResponse:
    """How many movements there are up to a version of the stream of the two cells, and their digest."""
    sums = work.transits.sent(request.receiver, request.through)
    return SumTransitsResponse(movements=sums.movements, digest=sums.digest)
