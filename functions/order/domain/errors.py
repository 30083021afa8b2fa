"""The errors of the order service."""

from shared.errors import Malformed, Refusal, Unavailable


class MixedOrder(Malformed):
    """The lines of an order agree in currency, merchant and chain."""


class MixedCurrencies(MixedOrder):
    """The lines of an order have one currency."""

    code = "MIXED_CURRENCIES"
    cure = "Place an order for each currency."


class MixedMerchants(MixedOrder):
    """The lines of an order are of one merchant."""

    code = "MIXED_MERCHANTS"
    cure = "Place an order with each merchant."


class MixedChains(MixedOrder):
    """The assets of an order are on one chain."""

    code = "MIXED_CHAINS"
    cure = "Place an order for each chain."


class AmountOverflow(Malformed):
    """The total of an order must be below 2^256."""

    code = "AMOUNT_OVERFLOW"
    cure = "Order less."


class QuoteInvalid(Malformed):
    """The quote was altered, or is of another order: send the order that was quoted, from the same wallet."""

    code = "QUOTE_INVALID"
    cure = "Send the lines and the wallet that were quoted, or order without a quote."


class OrderRefused(Refusal):
    """The order came to nothing; its code says why."""


class SoldOut(OrderRefused):
    """Fewer units are left than were ordered."""

    code = "SOLD_OUT"
    cure = "Order less, or wait until units come back."


class UserLimit(OrderRefused):
    """The buyer would have more units than one buyer may."""

    code = "USER_LIMIT"
    cure = "Order no more than `limit_remaining` of check_eligibility."


class NotOnSale(OrderRefused):
    """The supply is not on sale, or none of its phases is open."""

    code = "NOT_ON_SALE"
    cure = "Wait until it is active, or until its next phase begins."


class NotAllowed(OrderRefused):
    """The open phase has a list of buyers, and nothing proves that this wallet is on it."""

    code = "NOT_ALLOWED"
    cure = "Send a proof for the wallet's address, or wait for a phase without a list."


class FundsLacking(OrderRefused):
    """The wallet has less than the order costs."""

    code = "INSUFFICIENT_FUNDS"
    cure = "Deposit, or take less: `available` says how much there is."


class PayingWalletClosed(OrderRefused):
    """The wallet that is to pay is closed."""

    code = "WALLET_CLOSED"
    cure = "Use an open wallet."


class QuoteExpired(OrderRefused):
    """The quote has expired, was used, or is for terms that are no more."""

    code = "QUOTE_EXPIRED"
    cure = "Ask for another quote, or order without one."


class OrderWasCancelled(OrderRefused):
    """The order was cancelled."""

    code = "ORDER_CANCELLED"
    cure = "Place another order."


class OrderHasExpired(OrderRefused):
    """The order has expired."""

    code = "ORDER_EXPIRED"
    cure = "Place another order."


class OrderAlreadyPaid(Refusal):
    """The order is paid: it can be refunded, not cancelled."""

    code = "ORDER_PAID"
    cure = "Ask the merchant for a refund."


class NotRefundable(Refusal):
    """Only a paid order can be refunded, and only for so long."""

    code = "NOT_REFUNDABLE"
    cure = "Nothing: it is too late, or there is nothing to give back."


class AlreadyClaimed(Refusal):
    """What was bought is handed out: it can no longer be refunded."""

    code = "ALREADY_CLAIMED"
    cure = "Nothing: who has what was bought keeps it."


class OrderPending(Unavailable):
    """What became of the order is not known yet; the same idempotency key resumes it."""

    code = "ORDER_PENDING"
    cure = "Send the same request with the same idempotency key again, or read the order."
