"""Seal the ledger: extend a hash chain over the entries committed since the last seal."""

import logging

from functions.wallet.ports import WalletWork

log = logging.getLogger(__name__)


def seal_entries(work: WalletWork) -> dict[str, int]:
    """Add one link to the chain. Returns how many entries it covers.

    The hash is logged, so that logs kept elsewhere reveal whether the chain itself was rewritten.
    """
    seal = work.ledger.seal()
    if seal is None:
        return {"sealed": 0}
    log.info("seal %d over %d entries: %s", seal.number, seal.entries, seal.hash)
    return {"sealed": seal.entries}
