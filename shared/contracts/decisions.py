"""The decisions of Order.Decide: what became of orders whose reservations or holds have expired."""

from collections.abc import Mapping
from typing import Final, Literal

from shared.contracts.gen.order_pb2 import DecideResponse

Decision = Literal["unknown", "pending", "confirmed", "ended"]
"""unknown: leave it alone; pending: not expired yet; confirmed: keep it; ended: release it."""

DECISIONS: Final[Mapping[int, Decision]] = {
    DecideResponse.DECISION_UNSPECIFIED: "unknown",
    DecideResponse.DECISION_PENDING: "pending",
    DecideResponse.DECISION_CONFIRMED: "confirmed",
    DecideResponse.DECISION_ENDED: "ended",
}


def decisions(response: DecideResponse) -> dict[str, Decision]:
    """The decisions by order id."""
    return {outcome.order_id: DECISIONS[outcome.decision] for outcome in response.outcomes}
