"""T0, shared by create_order and quote_order: the lines that a buyer requests, and the terms they sell on now."""

from typing import Annotated, NamedTuple

import msgspec

from functions.order.domain.placement import Line, Proof, Terms
from functions.order.ports import PricingWork
from shared.contracts.fields import SupplyId
from shared.contracts.operations import Caller, Quantity, Request
from shared.errors import Malformed, NotFound
from shared.money import Amount

Hash = Annotated[str, msgspec.Meta(pattern="^0x[0-9a-fA-F]{64}$", max_length=66, examples=["0x" + "2b" * 32])]
Hashes = Annotated[list[Hash], msgspec.Meta(max_length=64)]
"""From the leaf's sibling up; 64 are enough for a list of 2^64 addresses."""


class LeafProof(Request):
    """A proof for a leaf (address, uint256 per-user limit, uint256 unit price)."""

    hashes: Hashes
    """The hashes from the leaf's sibling up."""

    per_user_limit: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1, examples=[2])]
    """The per-user limit in the leaf; 0 leaves the phase's."""

    unit_price: Amount
    """The unit price in the leaf, in atomic units."""


class OrderLine(Request):
    """Some units of a supply."""

    supply_id: SupplyId
    """What to buy."""

    quantity: Annotated[Quantity, msgspec.Meta(examples=[2])]
    """How many units."""

    proof: Hashes | LeafProof | None = None
    """A Merkle proof that the wallet's address is on the allowlist of the open phase, if it has one: the hashes for a
    leaf (address), or an object that also gives the leaf's other values.
    """


OrderLines = Annotated[list[OrderLine], msgspec.Meta(min_length=1, max_length=50)]


class PricedOrder(NamedTuple):
    """The requested lines at the present terms, with the address and the proofs that the terms apply to."""

    address: str
    proofs: dict[str, Proof]
    lines: list[Line]


def price_order(wallet_id: str, items: list[OrderLine], caller: Caller, work: PricingWork) -> PricedOrder:
    """Fetch address and terms from the wallet and supply services. Raises Malformed, NotFound, Unavailable."""
    proofs = _proofs(items)
    address = work.wallet.address(wallet_id, owner=caller.user_id)
    terms = work.supply.describe([item.supply_id for item in items], caller.user_id, address, proofs)
    lines = [Line(work.new_id("itm"), _known(terms, item.supply_id), item.quantity) for item in items]
    return PricedOrder(address, proofs, lines)


def _proofs(items: list[OrderLine]) -> dict[str, Proof]:
    """The proof for each supply that has one. Raises Malformed when two lines of a supply differ in it."""
    given = [(item.supply_id, _proof(item.proof)) for item in items]
    found = dict(given)
    if any(found[supply_id] != proof for supply_id, proof in given):
        raise Malformed("must have the same proof in all lines of a supply", field="items")
    return {supply_id: proof for supply_id, proof in found.items() if proof is not None}


def _proof(given: list[str] | LeafProof | None) -> Proof | None:
    if given is None:
        return None
    if isinstance(given, LeafProof):
        return Proof(_bytes(given.hashes), (given.per_user_limit, given.unit_price))
    return Proof(_bytes(given))


def _bytes(hashes: list[str]) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(text[2:]) for text in hashes)


def _known(terms: dict[str, Terms], supply_id: str) -> Terms:
    if supply_id not in terms:
        raise NotFound(f"There is no supply {supply_id[:64]!r}.")
    return terms[supply_id]
