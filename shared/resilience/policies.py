"""How each dependency is watched, in one table."""

from typing import Final

from shared.resilience.breaker import Policy

POLICIES: Final = {
    "redis": Policy(slow_seconds=0.25, at_once=256),
}
