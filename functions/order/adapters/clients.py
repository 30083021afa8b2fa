"""The services that orders call over gRPC. Every command carries an id that derives from the order's id."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from functions.order.domain.order import Order
from functions.order.domain.placement import Proof, Terms
from functions.order.domain.quote import Eligibility, SpendableBalance
from functions.order.ports import SHORT, Proofs, RefusalReason
from shared import ids
from shared.contracts.gen import claiming_pb2, supply_pb2, wallet_pb2
from shared.errors import MeridianError, NotFound
from shared.resilience.group_commit import GroupCommit

if TYPE_CHECKING:
    from shared.rpc.channel import RpcChannel

REASON: Final = {"pending": "cancelled", "confirmed": "cancelled"}
"""The release reason for an order without an outcome yet; otherwise its status is the reason."""

MAX_UNITS: Final = 2**32 - 1
"""The limit of the contract's uint32. Lines of one supply may sum to more, but no supply has so many units."""


Buyers = GroupCommit[supply_pb2.DescribeRequest.Buyer, supply_pb2.DescribeResponse.Outcome]


def buyers(channel: "RpcChannel") -> Buyers:
    """Has buyers who wait at the same time be told their terms in one call."""

    def describe(
        waiting: Sequence[supply_pb2.DescribeRequest.Buyer],
    ) -> Sequence[supply_pb2.DescribeResponse.Outcome]:
        request = supply_pb2.DescribeRequest(buyers=waiting)
        return channel.call("Supply.Describe", request, supply_pb2.DescribeResponse).outcomes

    return GroupCommit(describe)


class GrpcSupply:
    """The supply service over gRPC."""

    def __init__(self, channel: "RpcChannel", buyers: "Buyers") -> None:
        """buyers: those that wait in this process to be told terms."""
        self._channel = channel
        self._buyers = buyers

    def describe(self, supply_ids: Sequence[str], user_id: str, address: str, proofs: Proofs) -> dict[str, Terms]:
        buyer = supply_pb2.DescribeRequest.Buyer(
            supply_ids=supply_ids, user_id=user_id, address=address, proofs=_proofs(proofs)
        )
        return {terms.supply_id: _terms(terms) for terms in self._buyers.run(buyer).supplies}

    def check(self, units: Mapping[str, int], user_id: str, address: str, proofs: Proofs) -> dict[str, Eligibility]:
        lines = [
            supply_pb2.CheckRequest.Line(supply_id=each, quantity=min(quantity, MAX_UNITS))
            for each, quantity in units.items()
        ]
        request = supply_pb2.CheckRequest(user_id=user_id, address=address, lines=lines, proofs=_proofs(proofs))
        response = self._channel.call("Supply.Check", request, supply_pb2.CheckResponse)
        return {
            outcome.supply_id: Eligibility(
                reasons=tuple(outcome.reasons),
                phase=outcome.phase,
                limit_remaining=outcome.limit_remaining if outcome.HasField("limit_remaining") else None,
            )
            for outcome in response.outcomes
        }

    def reserve(self, orders: Sequence[Order]) -> list[RefusalReason | None]:
        request = supply_pb2.ReserveRequest(
            orders=[
                supply_pb2.ReserveRequest.Order(
                    order_id=order.id, user_id=order.user_id, lines=_lines(order), expires_at=order.expires_at
                )
                for order in orders
            ]
        )
        outcomes = self._channel.call("Supply.Reserve", request, supply_pb2.ReserveResponse).outcomes
        return [
            (SHORT, outcome.detail) if outcome.short else refusal
            for outcome, refusal in zip(outcomes, _refusals(outcomes), strict=True)
        ]

    def request_units(self, order: Order) -> bool:
        lines = [
            supply_pb2.RequestUnitsRequest.Line(supply_id=item.supply_id, quantity=item.quantity)
            for item in order.items
        ]
        request = supply_pb2.RequestUnitsRequest(order_id=order.id, lines=lines)
        return self._channel.call("Supply.RequestUnits", request, supply_pb2.RequestUnitsResponse).ready

    def release(self, order: Order) -> None:
        release = supply_pb2.ReleaseStockRequest.Release(
            order_id=order.id, lines=_lines(order), user_id=order.user_id, reason=REASON.get(order.status, order.status)
        )
        request = supply_pb2.ReleaseStockRequest(releases=[release])
        self._channel.call("Supply.ReleaseStock", request, supply_pb2.ReleaseStockResponse)


def _terms(terms: supply_pb2.DescribeResponse.Terms) -> Terms:
    return Terms(
        supply_id=terms.supply_id,
        merchant_id=terms.merchant_id,
        payout_wallet_id=terms.payout_wallet_id,
        title=terms.title,
        currency=terms.currency,
        unit_price=int(terms.unit_price),
        chain_id=terms.asset.chain_id,
        contract=terms.asset.contract,
        token_id=terms.asset.token_id,
        standard=terms.asset.standard,
        phase=terms.phase,
        listed=terms.listed,
        limit=terms.limit,
    )


@lru_cache(maxsize=10_000)
def owner_and_address(channel: "RpcChannel", wallet_id: str) -> tuple[str, str]:
    """A wallet's owner and address, which never change: a process asks for them once. Raises NotFound."""
    request = wallet_pb2.DescribeRequest(wallet_ids=[wallet_id])
    wallets = channel.call("Wallet.Describe", request, wallet_pb2.DescribeResponse).wallets
    if not wallets:
        raise NotFound("There is no such wallet.")
    return wallets[0].user_id, wallets[0].address


class GrpcWallet:
    """The wallet service over gRPC."""

    def __init__(self, channel: "RpcChannel") -> None:
        self._channel = channel

    def address(self, wallet_id: str, owner: str) -> str:
        user_id, address = owner_and_address(self._channel, wallet_id)
        if user_id != owner:
            raise NotFound("There is no such wallet.")
        return address

    def spendable(self, wallet_id: str, currency: str) -> SpendableBalance:
        request = wallet_pb2.DescribeRequest(wallet_ids=[wallet_id], balances=True)
        wallet = self._channel.call("Wallet.Describe", request, wallet_pb2.DescribeResponse).wallets[0]
        available = {balance.currency: int(balance.available) for balance in wallet.balances}
        return SpendableBalance(wallet.open, available.get(currency, 0))

    def hold(self, orders: Sequence[Order]) -> list[RefusalReason | None]:
        request = wallet_pb2.PlaceHoldRequest(
            holds=[
                wallet_pb2.PlaceHoldRequest.Hold(
                    hold_id=order.hold_id,
                    order_id=order.id,
                    wallet_id=order.wallet_id,
                    currency=order.currency,
                    amount=str(order.total),
                    expires_at=order.expires_at,
                    payout_wallet_ids=[payout.wallet_id for payout in order.payouts],
                )
                for order in orders
            ]
        )
        return _refusals(self._channel.call("Wallet.PlaceHold", request, wallet_pb2.PlaceHoldResponse).outcomes)

    def release(self, order: Order) -> bool:
        release = wallet_pb2.ReleaseHoldRequest.Release(
            hold_id=order.hold_id, order_id=order.id, reason=REASON.get(order.status, order.status)
        )
        request = wallet_pb2.ReleaseHoldRequest(releases=[release])
        outcome = self._channel.call("Wallet.ReleaseHold", request, wallet_pb2.ReleaseHoldResponse).outcomes[0]
        return outcome.state == wallet_pb2.ReleaseHoldResponse.STATE_RELEASED

    def refund(self, order: Order) -> None:
        request = wallet_pb2.RefundRequest(order_id=order.id, wallet_id=order.wallet_id)
        state = self._channel.call("Wallet.Refund", request, wallet_pb2.RefundResponse).state
        if state != wallet_pb2.RefundResponse.STATE_REFUNDED:
            raise MeridianError(f"{order.id} is to be refunded, but the merchant was already paid")


class GrpcClaiming:
    """The claiming service over gRPC."""

    def __init__(self, channel: "RpcChannel") -> None:
        self._channel = channel

    def void(self, order: Order) -> bool:
        request = claiming_pb2.VoidClaimRequest(order_id=order.id, user_id=order.user_id, address=order.address)
        return self._channel.call("Claiming.VoidClaim", request, claiming_pb2.VoidClaimResponse).voided


def _refusals(
    outcomes: Iterable[supply_pb2.ReserveResponse.Outcome | wallet_pb2.PlaceHoldResponse.Outcome],
) -> list[RefusalReason | None]:
    return [(outcome.refusal, outcome.detail) if outcome.refusal else None for outcome in outcomes]


def _proofs(proofs: Mapping[str, Proof]) -> list[supply_pb2.Proof]:
    """Proofs as protobuf messages."""
    messages = []
    for supply_id, proof in proofs.items():
        limit, price = proof.overrides or (0, 0)
        messages.append(
            supply_pb2.Proof(
                supply_id=supply_id,
                hashes=proof.hashes,
                overrides=proof.overrides is not None,
                per_user_limit=str(limit),
                unit_price=str(price),
            )
        )
    return messages


def _lines(order: Order) -> list[supply_pb2.ReserveRequest.Line]:
    return [
        supply_pb2.ReserveRequest.Line(
            reservation_id=ids.sibling(item.item_id, "rsv"),
            supply_id=item.supply_id,
            quantity=item.quantity,
            unit_price=str(item.unit_price),
            phase=item.phase,
            listed=item.listed,
            limit=item.limit,
        )
        for item in order.items
    ]
