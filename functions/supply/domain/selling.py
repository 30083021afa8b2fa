"""On what terms a supply sells to a buyer, and every reason why it may not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from functions.supply.domain.allowlist import Hash, Proof, proves
from functions.supply.domain.phases import Phase, open_at
from functions.supply.domain.supply import Supply

Reason = Literal["NOT_ON_SALE", "NOT_ALLOWED", "USER_LIMIT", "SOLD_OUT"]

UNBOUNDED: Final = 2**32 - 1
"""A list's limit beyond this is this: no supply has so many units."""


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What a buyer may ask of a supply at a moment, for them to be held to when they reserve.

    phase: the name of the open one; empty for none. listed: whether its allowlist has them.
    limit: the per-user limit that the list gives them; 0 for none of its own.
    """

    phase: str = ""
    listed: bool = False
    limit: int = 0


NOTHING: Final = Entitlement()
"""What anybody may ask who was told of no phase."""


@dataclass(frozen=True, slots=True)
class OnSale:
    """A supply in this cell at a moment: its terms, what is left, and what was taken in the open phase."""

    supply_id: str
    status: str
    available: int
    per_user_limit: int | None
    phased: bool = False
    phase: Phase | None = None
    taken_in_phase: int = 0

    @classmethod
    def of(
        cls,
        supply_id: str,
        status: str,
        available: int,
        per_user_limit: int | None,
        phases: Sequence[Phase],
        taken: Mapping[str, int],
        at: datetime,
    ) -> "OnSale":
        """A supply with the units that are left, and those that were taken by phase, at a time."""
        phase = open_at(phases, at)
        in_phase = taken.get(phase.name, 0) if phase else 0
        return cls(supply_id, status, available, per_user_limit, bool(phases), phase, in_phase)

    @property
    def phase_name(self) -> str:
        """The name of the open phase; empty for none."""
        return self.phase.name if self.phase else ""

    def phase_limit(self, entitled: Entitlement) -> int | None:
        """How many a buyer may have in the open phase; None for no limit. What a list gives goes before."""
        return entitled.limit or (self.phase.per_user_limit if self.phase else None)


@dataclass(frozen=True, slots=True)
class Had:
    """What a buyer has reserved or bought of a supply, in all and in its open phase."""

    units: int = 0
    in_phase: int = 0


def entitle(supply: Supply, at: datetime, address: str, proof: Proof | None, keccak: Hash) -> tuple[Entitlement, int]:
    """What the owner of an address may ask of a supply, and at which unit price."""
    phase = open_at(supply.phases, at)
    if phase is None:
        return NOTHING, supply.unit_price
    price = supply.unit_price if phase.unit_price is None else phase.unit_price
    if phase.allowlist_root is None or proof is None or not proves(proof, address, phase.allowlist_root, keccak):
        return Entitlement(phase.name), price
    if proof.overrides is None:
        return Entitlement(phase.name, listed=True), price
    limit = min(proof.overrides.per_user_limit, UNBOUNDED)
    return Entitlement(phase.name, listed=True, limit=limit), proof.overrides.unit_price


def remaining(sale: OnSale, entitled: Entitlement, had: Had) -> int | None:
    """How many more a buyer may have by the limits; None where there are none."""
    limit = sale.phase_limit(entitled)
    bounds = [
        *([] if sale.per_user_limit is None else [sale.per_user_limit - had.units]),
        *([] if limit is None else [limit - had.in_phase]),
    ]
    return max(0, min(bounds)) if bounds else None


def reasons(sale: OnSale | None, quantity: int, entitled: Entitlement, had: Had) -> dict[Reason, str]:
    """Every reason why a buyer may not have so many units, gravest first: details by code. Empty when they may."""
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
    left = remaining(sale, entitled, had)
    if left is not None and quantity > left:
        found["USER_LIMIT"] = f"{sale.supply_id} is limited: this buyer may have {left} more."
    if quantity > sale.available:
        found["SOLD_OUT"] = f"{sale.supply_id} has fewer than {quantity} left."
    elif sale.phase and sale.phase.cap is not None and sale.taken_in_phase + quantity > sale.phase.cap:
        found["SOLD_OUT"] = f"{sale.supply_id} has fewer than {quantity} left in this phase."
    return found
