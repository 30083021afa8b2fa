"""Roll up the balances of the system accounts, so that a debit has few entries left to sum."""

from typing import Final

from functions.wallet.ports import WalletWork

MAX_TRANSFERS: Final = 20_000
"""How many transfers one run rolls up at most; the rest waits for the next run."""


def roll_up_accounts(work: WalletWork) -> dict[str, int]:
    """Roll up the transfers committed since the last run. Returns how many."""
    return {"rolled_up": work.ledger.roll_up(MAX_TRANSFERS)}
