"""What a buyer may buy of supplies: shared by check_stock, check_eligibility and describe_supplies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from functions.supply.domain.allowlist import Overrides, Proof
from functions.supply.domain.entitlement import Entitlement, Reason, entitle, reasons, remaining
from functions.supply.domain.reservation import holdings_of
from functions.supply.domain.supply import Supply
from functions.supply.ports import SupplyWork
from shared.contracts.gen import supply_pb2
from shared.errors import Malformed
from shared.money import Amount


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Whether a buyer may buy units of a supply: the reasons against it, the unit price, and how many more."""

    supply_id: str
    reasons: tuple[Reason, ...]
    unit_price: int
    limit_remaining: int | None
    phase: str


def entitled(supply: Supply, address: str, proof: Proof | None, work: SupplyWork) -> tuple[Entitlement, int]:
    """What the owner of an address is entitled to buy of a supply now, and at which unit price."""
    return entitle(supply, work.now(), address, proof, work.chain.keccak)


def assess(
    supplies: Sequence[tuple[Supply, int]],
    user_id: str,
    address: str,
    proofs: Mapping[str, Proof],
    work: SupplyWork,
) -> list[Eligibility]:
    """Check each supply, with the units that a buyer wants, against every rule; nothing is locked or reserved.

    It is not sold out as long as other cells may have what this one lacks, as far as is known: only an order asks them.
    """
    supply_ids = [supply.id for supply, _ in supplies]
    on_sale = work.stock.on_sale(supply_ids)
    taken = work.stock.taken(supply_ids, [user_id])
    assessed = []
    for supply, quantity in supplies:
        sale = on_sale[supply.id]
        entitlement, price = entitled(supply, address, proofs.get(supply.id), work)
        held = holdings_of(supply.id, user_id, sale.phase_name, taken)
        against = tuple(
            reason
            for reason in reasons(sale, quantity, entitlement, held)
            if reason != "SOLD_OUT"
            or quantity > supply.stock.available
            or not work.quotas.elsewhere(supply.id, quantity)
        )
        left = remaining(sale, entitlement, held)
        assessed.append(Eligibility(supply.id, against, price, left, entitlement.phase))
    return assessed


def proofs_of(sent: Sequence[supply_pb2.Proof]) -> dict[str, Proof]:
    """Proofs by supply id. Raises Malformed for an invalid amount."""
    return {each.supply_id: Proof(tuple(each.hashes), _overrides(each)) for each in sent}


def _overrides(sent: supply_pb2.Proof) -> Overrides | None:
    if not sent.overrides:
        return None
    try:
        return Overrides(Amount.parse(sent.per_user_limit), Amount.parse(sent.unit_price))
    except ValueError as error:
        raise Malformed(str(error), field="proofs") from error
