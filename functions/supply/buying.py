"""What a buyer may have of supplies: what check_stock and check_eligibility have in common, and describe_supplies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from functions.supply.domain.allowlist import Overrides, Proof
from functions.supply.domain.reserving import had
from functions.supply.domain.selling import Entitlement, Reason, entitle, reasons, remaining
from functions.supply.domain.supply import Supply
from functions.supply.ports import SupplyWork
from shared.contracts.gen import supply_pb2
from shared.errors import Malformed
from shared.money import Amount


@dataclass(frozen=True, slots=True)
class Judged:
    """Whether a buyer may have units of a supply: reasons why not, at which unit price, and how many more."""

    supply_id: str
    reasons: tuple[Reason, ...]
    unit_price: int
    limit_remaining: int | None
    phase: str


def entitled(supply: Supply, address: str, proof: Proof | None, work: SupplyWork) -> tuple[Entitlement, int]:
    """What the owner of an address may ask of a supply now, and at which unit price."""
    return entitle(supply, work.now(), address, proof, work.chain.keccak)


def judge(
    supplies: Sequence[tuple[Supply, int]],
    user_id: str,
    address: str,
    proofs: Mapping[str, Proof],
    work: SupplyWork,
) -> list[Judged]:
    """Each supply with the units that a buyer wants of it, judged by every rule; nothing is locked or reserved."""
    supply_ids = [supply.id for supply, _ in supplies]
    on_sale = work.stock.on_sale(supply_ids)
    taken = work.stock.taken(supply_ids, [user_id])
    judged = []
    for supply, quantity in supplies:
        sale = on_sale[supply.id]
        may, price = entitled(supply, address, proofs.get(supply.id), work)
        has = had(supply.id, user_id, sale.phase_name, taken)
        why = tuple(reasons(sale, quantity, may, has))
        judged.append(Judged(supply.id, why, price, remaining(sale, may, has), may.phase))
    return judged


def proofs_of(sent: Sequence[supply_pb2.Proof]) -> dict[str, Proof]:
    """Proofs by their supply. Raises Malformed for an amount that is none."""
    return {each.supply_id: Proof(tuple(each.hashes), _overrides(each)) for each in sent}


def _overrides(sent: supply_pb2.Proof) -> Overrides | None:
    if not sent.overrides:
        return None
    try:
        return Overrides(Amount.parse(sent.per_user_limit), Amount.parse(sent.unit_price))
    except ValueError as error:
        raise Malformed(str(error), field="proofs") from error
