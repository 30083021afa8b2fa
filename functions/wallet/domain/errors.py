"""The refusals of the wallet service. Each docstring is the default `detail` of the HTTP problem."""

from shared.errors import Refusal


class InsufficientFunds(Refusal):
    """The wallet has less than that available."""

    code = "INSUFFICIENT_FUNDS"
    cure = "Deposit, or take less: `available` says how much there is."


class HoldEnded(Refusal):
    """The hold was captured or released before."""

    code = "HOLD_ENDED"


class CaptureTooLarge(Refusal):
    """More is to be captured than is held."""

    code = "CAPTURE_TOO_LARGE"


class WalletIsClosed(Refusal):
    """The wallet is closed."""

    code = "WALLET_CLOSED"
    cure = "Use an open wallet."


class WalletNotEmpty(Refusal):
    """The wallet is the default one, holds money, or may still be paid by supplies, or by orders under way."""

    code = "WALLET_NOT_EMPTY"
    cure = "Move the money, have supplies pay out elsewhere, and wait for orders to end; the default wallet stays."


class BalanceOverflow(Refusal):
    """The balance would not be below 2^256."""

    code = "BALANCE_OVERFLOW"
    cure = "Move less."


class NotReversible(Refusal):
    """The transfer is a step of something that decides about it (an order, a deposit, a withdrawal), or spans cells."""

    code = "NOT_REVERSIBLE"
    cure = "Make a transfer the other way."


class SpansCells(Refusal):
    """Operators' transfers stay in one cell, and the wallet is of another."""

    code = "SPANS_CELLS"
    cure = "Make a transfer within one cell."


class AlreadyReversed(Refusal):
    """The transfer was reversed before."""

    code = "ALREADY_REVERSED"
    cure = "Nothing: it is done."
