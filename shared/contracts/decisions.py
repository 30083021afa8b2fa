"""What Order.Decide answers, in words: what became of orders whose reservations or holds are past their time."""

from collections.abc import Mapping
from typing import Final, Literal

from shared.contracts.gen.order_pb2 import DecideResponse

Decision = Literal["unknown", "pending", "confirmed", "ended"]
"""unknown: leave it alone; pending: still within its time; confirmed: it is firm; ended: give it back."""

DECISIONS: Final[Mapping[int, Decision]] = {
    DecideResponse.DECISION_UNSPECIFIED: "unknown",
    DecideResponse.DECISION_PENDING: "pending",
    DecideResponse.DECISION_CONFIRMED: "confirmed",
    DecideResponse.DECISION_ENDED: "ended",
}


def decisions(response: DecideResponse) -> dict[str, Decision]:
    """The decisions by order id."""
    return {outcome.order_id: DECISIONS[outcome.decision] for outcome in response.outcomes}
