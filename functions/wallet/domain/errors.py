"""What the ledger refuses."""

from shared.errors import Refusal


class InsufficientFunds(Refusal):
    """The wallet has less than that available."""

    code = "INSUFFICIENT_FUNDS"


class BalanceOverflow(Refusal):
    """The balance would not be below 2^256."""

    code = "BALANCE_OVERFLOW"
