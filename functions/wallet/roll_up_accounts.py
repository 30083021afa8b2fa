"""Sum up the house's own accounts, so that whoever takes from one has little left to add."""

from typing import Final

from functions.wallet.ports import WalletWork

AT_MOST: Final = 20_000
"""How many transfers a run takes: what is left waits for the next."""


def roll_up_accounts(work: WalletWork) -> dict[str, int]:
    """Roll up what was committed since the last run. Returns how many transfers that was."""
    return {"rolled_up": work.ledger.roll_up(AT_MOST)}
