"""Rules that hold for every environment, each with a change that breaks it.

A policy is a function that yields what is wrong with a world; its mutations change a world so that it finds something.
`test_policies.py` runs every policy on every environment, and shows for every mutation that its policy catches it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from tests.infrastructure.world import World

Check = Callable[[World], Iterable[str]]
Change = Callable[[World], None]


@dataclass(eq=False)
class Policy:
    """A rule. check: what is wrong with a world, a sentence each."""

    check: Check
    mutations: list[Change] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What the rule says, in words."""
        return self.check.__name__

    def broken_by(self, change: Change) -> Change:
        """Decorate a change that this policy catches."""
        self.mutations.append(change)
        return change


POLICIES: Final[list[Policy]] = []


def policy(check: Check) -> Policy:
    """Decorate a rule."""
    made = Policy(check)
    POLICIES.append(made)
    return made
