"""How each kind of dependency is called and watched, in one table.

A database's places are its pool (DATABASE_POOL). The places of the others are fewer than the threads of a host: one
that hangs leaves some to those that do not need it.
"""

from typing import Final

from shared.resilience.breaker import Policy

FIRESTORE_WRITES: Final = "firestore writes"

POLICIES: Final = {
    # Statements that wait for a lock are slow as well, and no sign of sickness: these are given more time.
    "database": Policy(timeout_seconds=5.0, slow_seconds=2.5, late_seconds=1.25, at_once=8, wait_seconds=5.0),
    "redis": Policy(timeout_seconds=1.0, slow_seconds=0.5, late_seconds=0.5, at_once=12, wait_seconds=0.5),
    "firestore": Policy(timeout_seconds=5.0, slow_seconds=2.5, late_seconds=1.25, at_once=12, wait_seconds=3.0),
    # Of the same breaker: contended documents are written in steps of two seconds, by the emulator always.
    FIRESTORE_WRITES: Policy(timeout_seconds=5.0, slow_seconds=4.5, late_seconds=4.5, at_once=12, wait_seconds=3.0),
    "bus": Policy(timeout_seconds=10.0, slow_seconds=5.0, late_seconds=5.0, at_once=4, wait_seconds=1.0),
    "rpc": Policy(timeout_seconds=2.0, slow_seconds=1.75, late_seconds=1.25, at_once=12, wait_seconds=2.0),
    "kms": Policy(timeout_seconds=5.0, slow_seconds=2.5, late_seconds=1.25, at_once=12, wait_seconds=1.0),
    "chain": Policy(timeout_seconds=5.0, slow_seconds=2.5, late_seconds=1.25, at_once=12, wait_seconds=1.0),
    # Anybody may have contracts asked, whose code is their own: few at once, and apart from what money rests on.
    "contract wallets": Policy(timeout_seconds=3.0, slow_seconds=2.5, late_seconds=2.0, at_once=2, wait_seconds=0.5),
}
