"""The errors of the order service."""

from shared.errors import Malformed, Refusal, Unavailable


class MixedOrder(Malformed):
    """The lines of an order must agree in this."""


class AmountOverflow(Malformed):
    """The total of an order must be below 2^256."""

    code = "AMOUNT_OVERFLOW"


class QuoteInvalid(Malformed):
    """The quote was altered, or is of another order: send the order that was quoted, from the same wallet."""

    code = "QUOTE_INVALID"


class OrderRefused(Refusal):
    """The order came to nothing; its code says why."""


class OrderAlreadyPaid(Refusal):
    """The order is paid: it can be refunded, not cancelled."""

    code = "ORDER_PAID"


class NotRefundable(Refusal):
    """Only a paid order can be refunded, and only for so long."""

    code = "NOT_REFUNDABLE"


class AlreadyClaimed(Refusal):
    """What was bought is handed out: it can no longer be refunded."""

    code = "ALREADY_CLAIMED"


class OrderPending(Unavailable):
    """What became of the order is not known yet; the same idempotency key resumes it."""

    code = "ORDER_PENDING"
