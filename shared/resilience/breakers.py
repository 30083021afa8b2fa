"""The circuit breakers of a process, one per dependency."""

import threading

from msgspec.structs import replace

from shared.resilience.breaker import Breaker
from shared.resilience.policies import POLICIES
from shared.resilience.policy import BreakerSnapshot


class Breakers:
    """Creates breakers on first use, and keeps them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Breaker] = {}

    def of(self, kind: str, which: str = "", at_once: int | None = None) -> Breaker:
        """The breaker of a dependency.

        kind: a key of POLICIES; KeyError for another.
        which: the instance, if there are several of a kind: a service's database, a chain.
        at_once: overrides the policy's limit of concurrent calls.
        """
        name = f"{kind} {which}".rstrip()
        with self._lock:
            if name not in self._known:
                policy = POLICIES[kind]
                self._known[name] = Breaker(name, replace(policy, at_once=at_once) if at_once else policy)
            return self._known[name]

    def readings(self) -> list[BreakerSnapshot]:
        """A snapshot of each, by name."""
        with self._lock:
            known = list(self._known.values())
        return sorted((breaker.read() for breaker in known), key=lambda reading: reading.name)
