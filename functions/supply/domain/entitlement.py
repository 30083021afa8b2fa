"""The terms on which a supply sells to a buyer, and every reason why it does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from functions.supply.domain.allowlist import Hash, Proof, proves
from functions.supply.domain.phases import Phase, open_at
from functions.supply.domain.supply import Supply

Reason = Literal["NOT_ON_SALE", "NOT_ALLOWED", "USER_LIMIT", "SOLD_OUT"]

UNBOUNDED: Final = 2**32 - 1
"""A larger limit in an allowlist is capped to this: no supply has so many units."""


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What a buyer is entitled to at a given time; reserving stock checks the order against it.

    phase: the name of the open phase; empty for none. listed: whether the buyer is on its allowlist.
    limit: the per-user limit that the allowlist gives them; 0 if it gives none.
    """

    phase: str = ""
    listed: bool = False
    limit: int = 0


NO_ENTITLEMENT: Final = Entitlement()
"""The entitlement while no phase is open."""


@dataclass(frozen=True, slots=True)
class PhaseUnits:
    """A cell's units in a phase.

    taken: those reserved or sold. moved: the rights that came from other cells, less those that went to them.
    """

    taken: int = 0
    moved: int = 0

    def rights(self, cap: int, *, at_home: bool) -> int:
        """How many units the cell may still sell in the phase: the home has the rights that it has not given away."""
        return (cap if at_home else 0) + self.moved - self.taken


NO_UNITS: Final = PhaseUnits()


@dataclass(frozen=True, slots=True)
class SaleSnapshot:
    """A supply in this cell at a given time: its terms, the available units, and its units in the open phase.

    at_home: whether this cell is the supply's home.
    """

    supply_id: str
    status: str
    available: int
    per_user_limit: int | None
    phased: bool = False
    phase: Phase | None = None
    in_phase: PhaseUnits = NO_UNITS
    at_home: bool = True

    @classmethod
    def of(
        cls,
        supply_id: str,
        status: str,
        available: int,
        per_user_limit: int | None,
        phases: Sequence[Phase],
        by_phase: Mapping[str, PhaseUnits],
        at: datetime,
        *,
        at_home: bool,
    ) -> "SaleSnapshot":
        """A supply at a time, given its available units and its units by phase."""
        phase = open_at(phases, at)
        in_phase = by_phase.get(phase.name, NO_UNITS) if phase else NO_UNITS
        return cls(supply_id, status, available, per_user_limit, bool(phases), phase, in_phase, at_home)

    def after(self, quantity: int) -> "SaleSnapshot":
        """What an order of so many units leaves."""
        in_phase = replace(self.in_phase, taken=self.in_phase.taken + quantity) if self.phase else self.in_phase
        return replace(self, available=self.available - quantity, in_phase=in_phase)

    @property
    def phase_name(self) -> str:
        """The name of the open phase; empty for none."""
        return self.phase.name if self.phase else ""

    @property
    def rights(self) -> int | None:
        """How many units this cell may still sell in the open phase; None if it has no cap."""
        if self.phase is None or self.phase.cap is None:
            return None
        return self.in_phase.rights(self.phase.cap, at_home=self.at_home)

    def phase_limit(self, entitled: Entitlement) -> int | None:
        """A buyer's limit in the open phase; None for no limit. An allowlist's limit takes precedence."""
        return entitled.limit or (self.phase.per_user_limit if self.phase else None)


@dataclass(frozen=True, slots=True)
class Holdings:
    """The units of a supply that a buyer has reserved or bought, in total and in its open phase."""

    units: int = 0
    in_phase: int = 0


def entitle(supply: Supply, at: datetime, address: str, proof: Proof | None, keccak: Hash) -> tuple[Entitlement, int]:
    """What the owner of an address is entitled to buy of a supply, and at which unit price."""
    phase = open_at(supply.phases, at)
    if phase is None:
        return NO_ENTITLEMENT, supply.unit_price
    price = supply.unit_price if phase.unit_price is None else phase.unit_price
    if phase.allowlist_root is None or proof is None or not proves(proof, address, phase.allowlist_root, keccak):
        return Entitlement(phase.name), price
    if proof.overrides is None:
        return Entitlement(phase.name, listed=True), price
    limit = min(proof.overrides.per_user_limit, UNBOUNDED)
    return Entitlement(phase.name, listed=True, limit=limit), proof.overrides.unit_price


def remaining(sale: SaleSnapshot, entitled: Entitlement, held: Holdings) -> int | None:
    """How many more units the limits allow a buyer; None if there are no limits."""
    limit = sale.phase_limit(entitled)
    bounds = [
        *([] if sale.per_user_limit is None else [sale.per_user_limit - held.units]),
        *([] if limit is None else [limit - held.in_phase]),
    ]
    return max(0, min(bounds)) if bounds else None


def reasons(sale: SaleSnapshot | None, quantity: int, entitled: Entitlement, held: Holdings) -> dict[Reason, str]:
    """Every reason why a buyer may not buy so many units, most serious first: details by code. Empty if they may."""
    if sale is None:
        return {"NOT_ON_SALE": "There is no such supply."}
    found: dict[Reason, str] = {}
    if sale.status not in ("active", "sold_out"):
        found["NOT_ON_SALE"] = f"{sale.supply_id} is not on sale."
    elif sale.phased and sale.phase is None:
        found["NOT_ON_SALE"] = f"No phase of {sale.supply_id} is open."
    elif entitled.phase != sale.phase_name:
        found["NOT_ON_SALE"] = f"The phase of {sale.supply_id} has changed."
    if sale.phase and sale.phase.allowlist_root and not entitled.listed:
        found["NOT_ALLOWED"] = f"The list of {sale.supply_id} does not have this buyer."
    left = remaining(sale, entitled, held)
    if left is not None and quantity > left:
        found["USER_LIMIT"] = f"{sale.supply_id} is limited: this buyer may have {left} more."
    if quantity > sale.available:
        found["SOLD_OUT"] = f"{sale.supply_id} has fewer than {quantity} left."
    elif sale.rights is not None and quantity > sale.rights:
        found["SOLD_OUT"] = f"{sale.supply_id} has fewer than {quantity} left in this phase."
    return found
