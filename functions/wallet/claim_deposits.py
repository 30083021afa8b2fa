"""Take on deposits that another cell has read and does not know: those for addresses of this cell."""

from functions.wallet.deposit_posting import record_arrival
from functions.wallet.domain.custody import Arrival
from functions.wallet.ports import ChainWork
from shared.chain.core.values import BlockRef
from shared.contracts.gen.wallet_pb2 import ClaimDepositsRequest, ClaimDepositsResponse


def claim_deposits(request: ClaimDepositsRequest, work: ChainWork) -> ClaimDepositsResponse:
    """Those that this cell books: it records what is in blocks that it has read, and will read the rest.

    A deposit in a block that is no part of the chain here is not taken on. Raises Unavailable.
    """
    arrivals = [_arrival(each, work.vault.chain_id) for each in request.deposits]
    with work.transaction() as reading:
        own = reading.deposits.own_keys({arrival.wallet_key for arrival in arrivals})
    blocks = {arrival.place for arrival in arrivals if arrival.wallet_key in own}
    standing = {place for place in blocks if work.vault.place(place.number) == place}
    claimed = [n for n, each in enumerate(arrivals) if each.wallet_key in own and each.place in standing]
    if claimed:
        with work.transaction() as writing:
            reached = writing.deposits.lock_cursor()
            for place in claimed:
                if arrivals[place].place.number <= reached:
                    record_arrival(arrivals[place], writing)
    return ClaimDepositsResponse(claimed=claimed)


def _arrival(deposit: ClaimDepositsRequest.Deposit, chain_id: int) -> Arrival:
    return Arrival(
        chain_id=chain_id,
        transaction_hash=deposit.transaction_hash,
        position=deposit.position,
        place=BlockRef(deposit.block_number, deposit.block_hash),
        wallet_key=deposit.wallet_key,
        currency=deposit.currency,
        amount=int(deposit.amount),
    )
