"""What an order refuses."""

from shared.errors import Malformed, Refusal, Unavailable


class Mixed(Malformed):
    """The lines of an order must agree in this."""


class AmountOverflow(Malformed):
    """The total of an order must be below 2^256."""

    code = "AMOUNT_OVERFLOW"


class OrderRefused(Refusal):
    """The order came to nothing; its code says why."""


class OrderPaid(Refusal):
    """The order is paid: it can be refunded, not cancelled."""

    code = "ORDER_PAID"


class OrderPending(Unavailable):
    """What became of the order is not known yet; the same idempotency key resumes it."""

    code = "ORDER_PENDING"
