"""Quotas: the stock of a supply, and the caps of its phases, split over cells. A cell sells only its own.

Units move by grants. A grant is one transaction of the giver: the debit and an event on the stream (giver, receiver,
supply). The credit is the receiver's inbox transaction, whether the grant comes as an answer or by the bus. Nothing is
acknowledged, times out or is cancelled, so that no failure can leave a grant in doubt. The sum of all quotas and of
what is under way is the quantity, always; the same holds for each phase's rights and its cap.

An ask is a hint: it may be lost, repeated or late, and harms nobody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

SHARES_FROM: Final = 30
"""The quantity from which the home grants equal shares at once."""


class Short(Exception):
    """The cell has too few units, or rights in the phase."""


class Closed(Exception):
    """The supply is closed in this cell."""


class Reserved(Exception):
    """Units are reserved, so the supply cannot be closed."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A hint that a cell waits for units, or rights in a phase. id: counts the asks of this asker."""

    id: int
    supply: str
    asker: str
    units: int
    phase: str = ""
    rights: int = 0


@dataclass(frozen=True, slots=True)
class Grant:
    """The event of units and rights that leave one cell for another.

    version: in the stream (giver, receiver, supply).
    """

    supply: str
    giver: str
    receiver: str
    version: int
    units: int
    rights: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Account:
    """What a cell holds of a supply.

    rights: how many units it may still sell in each phase that has a cap; below zero where a cap was lowered, or set
    after units had been sold without one. given: the last version given to each cell. changes: counts the changes, so
    that reported counters have an order.

    Wherever a phase is asked for, it is the name of the open phase if that has a cap, and empty otherwise.
    """

    supply: str
    cell: str
    home: str
    available: int = 0
    reserved: int = 0
    sold: int = 0
    rights: Mapping[str, int] = field(default_factory=dict)
    given: Mapping[str, int] = field(default_factory=dict)
    closed: bool = False
    changes: int = 0

    @property
    def quota(self) -> int:
        """All units of this cell, sold ones too."""
        return self.available + self.reserved + self.sold

    def sellable(self, phase: str) -> int:
        """How many units it could sell in a phase now."""
        if self.closed:
            return 0
        return max(0, min(self.available, self.rights.get(phase, 0))) if phase else self.available

    def reserve(self, units: int, phase: str) -> "Account":
        """Reserve units in a phase. Raises Short, Closed."""
        if self.closed:
            raise Closed
        if units > self.sellable(phase):
            raise Short
        return self._moved(available=-units, reserved=units, rights=self._rights(phase, -units))

    def commit(self, units: int) -> "Account":
        """Reserved units are sold."""
        return self._moved(reserved=-units, sold=units)

    def release(self, units: int, phase: str) -> "Account":
        """Reserved units go back on sale, with their rights."""
        return self._moved(available=units, reserved=-units, rights=self._rights(phase, units))

    def take_back(self, units: int, phase: str) -> "Account":
        """Sold units go back on sale, with their rights: in the cell of their order."""
        return self._moved(available=units, sold=-units, rights=self._rights(phase, units))

    def give(self, ask: Ask, waiting: int) -> "tuple[Account, Grant] | None":
        """Give what an asker waits for, as far as it can be spared; None if nothing can.

        waiting: how many units requests wait for here, in the same phase. Two cells that hold each other's complement,
        the one units and the other rights, must not swap them: of two that wait, the lower-ranked gives.
        """
        if self.closed or ask.asker == self.cell:
            return None
        usable = min(waiting, self.sellable(ask.phase))
        if waiting > usable and self._rank(self.cell) < self._rank(ask.asker):
            return None
        units = max(0, min(ask.units, self.available - usable))
        rights = max(0, min(ask.rights, self.rights.get(ask.phase, 0) - usable)) if ask.phase else 0
        if not units and not rights:
            return None
        return self._given(ask.asker, units, {ask.phase: rights} if rights else {})

    def credit(self, grant: Grant) -> "Account":
        """The account with a grant; to be stored in the transaction that advances the inbox."""
        rights = {**self.rights}
        for phase, more in grant.rights.items():
            rights[phase] = rights.get(phase, 0) + more
        return self._moved(available=grant.units, rights=rights)

    def share(self, cells: Sequence[str], quantity: int, caps: Mapping[str, int]) -> "tuple[Account, list[Grant]]":
        """The home creates all units, and grants each other cell an equal share if there are SHARES_FROM or more.

        caps: of the phases that have one. Small ones are shared as well as they can be; the rest stays at home.
        """
        account = self._moved(available=quantity, rights={**self.rights, **caps})
        grants: list[Grant] = []
        if quantity >= SHARES_FROM:
            for cell in cells:
                if cell != self.cell:
                    each = {phase: cap // len(cells) for phase, cap in caps.items() if cap >= len(cells)}
                    account, grant = account._given(cell, quantity // len(cells), each)
                    grants.append(grant)
        return account, grants

    def close(self) -> "tuple[Account, Grant | None]":
        """Sell no more, and give everything back to the home. Raises Reserved. Repeating it returns what came since."""
        if self.reserved:
            raise Reserved
        account = replace(self, closed=True, changes=self.changes + 1)
        rights = {phase: left for phase, left in self.rights.items() if left > 0}
        if self.cell == self.home or not (self.available or rights):
            return account, None
        return account._given(self.home, self.available, rights)

    def reopen(self) -> "Account":
        """Sell again: the supply was not deleted after all."""
        return replace(self, closed=False, changes=self.changes + 1)

    def _given(self, to: str, units: int, rights: Mapping[str, int]) -> "tuple[Account, Grant]":
        version = self.given.get(to, 0) + 1
        left = {phase: held - rights.get(phase, 0) for phase, held in self.rights.items()}
        account = self._moved(available=-units, rights=left)
        return (
            replace(account, given={**self.given, to: version}),
            Grant(self.supply, self.cell, to, version, units, rights),
        )

    def _moved(
        self, available: int = 0, reserved: int = 0, sold: int = 0, rights: Mapping[str, int] | None = None
    ) -> "Account":
        return replace(
            self,
            available=self.available + available,
            reserved=self.reserved + reserved,
            sold=self.sold + sold,
            rights=self.rights if rights is None else rights,
            changes=self.changes + 1,
        )

    def _rights(self, phase: str, units: int) -> Mapping[str, int]:
        return {**self.rights, phase: self.rights.get(phase, 0) + units} if phase else self.rights

    def _rank(self, cell: str) -> tuple[bool, str]:
        """The order of cells, the home first: of two cells that wait for each other, the first one is given."""
        return cell != self.home, cell
