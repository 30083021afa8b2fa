"""The timeout, breaker and bulkhead settings of every kind of dependency, in one table.

A database's bulkhead has the size of its pool (DATABASE_POOL). Those of the others are smaller than a host's number
of threads: a hung dependency leaves some to requests that do not need it.
"""

from typing import Final

from shared.resilience.policy import Policy

FIRESTORE_WRITES: Final = "firestore writes"

POLICIES: Final = {
    # Statements that wait for a lock are slow without being a sign of failure: hence the larger limits.
    "database": Policy(timeout_seconds=5.0, slow_seconds=2.5, late_seconds=1.25, at_once=8, wait_seconds=5.0),
    "redis": Policy(timeout_seconds=1.0, slow_seconds=0.5, late_seconds=0.5, at_once=12, wait_seconds=0.5),
    "firestore": Policy(timeout_seconds=5.0, slow_seconds=2.5, late_seconds=1.25, at_once=12, wait_seconds=3.0),
    # Uses Firestore's breaker: writes of contended documents take multiples of two seconds, in the emulator always.
    FIRESTORE_WRITES: Policy(timeout_seconds=5.0, slow_seconds=4.5, late_seconds=4.5, at_once=12, wait_seconds=3.0),
    "bus": Policy(timeout_seconds=10.0, slow_seconds=5.0, late_seconds=5.0, at_once=4, wait_seconds=1.0),
    "rpc": Policy(timeout_seconds=2.0, slow_seconds=1.75, late_seconds=1.25, at_once=12, wait_seconds=2.0),
    # Another cell's RPC hosts: tried again soon, as its functions are below.
    "cell rpc": Policy(
        2.0, slow_seconds=1.75, late_seconds=1.25, at_once=12, wait_seconds=0.5, open_at_most_seconds=5.0
    ),
    # Another cell's functions, tried again soon: their users wait for it to come back. Those of the second kind may
    # wait on purpose (registry: `waits`).
    "cell": Policy(30.0, slow_seconds=8.0, late_seconds=6.0, at_once=12, wait_seconds=0.5, open_at_most_seconds=5.0),
    "cell waits": Policy(
        30.0, slow_seconds=29.0, late_seconds=29.0, at_once=4, wait_seconds=0.5, open_at_most_seconds=5.0
    ),
    "kms": Policy(timeout_seconds=5.0, slow_seconds=2.5, late_seconds=1.25, at_once=12, wait_seconds=1.0),
    "chain": Policy(timeout_seconds=5.0, slow_seconds=2.5, late_seconds=1.25, at_once=12, wait_seconds=1.0),
    # Anybody can have their own contract's code called: few at once, apart from the calls that move money.
    "contract wallets": Policy(timeout_seconds=3.0, slow_seconds=2.5, late_seconds=2.0, at_once=2, wait_seconds=0.5),
}
