"""Phases and proofs for tests of sales in phases."""

from datetime import UTC, datetime, timedelta
from typing import Any

from functions.supply.views import PhaseView
from shared.chain.ethereum import keccak
from shared.contracts.gen.supply_pb2 import DescribeRequest, DescribeResponse, Proof, ReserveRequest
from shared.contracts.operations import Time
from tests.functions.supply.stock import an_order
from tests.isolated_services import IsolatedServices, IsolatedUser

NOBODY = "0x" + "00" * 32
"""The root of an allowlist without addresses."""


def ago(**by: float) -> Time:
    """A time so long ago; negative numbers are in the future."""
    return datetime.now(UTC) - timedelta(**by)


def open_phase(name: str = "Now", **terms: Any) -> PhaseView:
    """An open phase; arguments override the defaults."""
    defaults: dict[str, Any] = {"starts_at": ago(hours=1), "ends_at": ago(hours=-1)}
    return PhaseView(name=name, **{**defaults, **terms})


def written(phase: PhaseView) -> dict[str, Any]:
    """A phase as JSON."""
    fields = {name: getattr(phase, name) for name in phase.__struct_fields__}
    times = {name: value.isoformat() for name, value in fields.items() if isinstance(value, datetime)}
    money = {"unit_price": str(int(phase.unit_price))} if phase.unit_price is not None else {}
    return {**fields, **times, **money}


def a_list(address: str, limit: int | None = None, price: int = 0) -> tuple[str, list[bytes]]:
    """The root of an allowlist of two with this address, with overrides if a limit is given, and its proof."""
    numbers = () if limit is None else (limit, price)
    words = [bytes.fromhex(address[2:]).rjust(32, b"\x00"), *(number.to_bytes(32) for number in numbers)]
    leaf, other = keccak(keccak(b"".join(words))), keccak(b"somebody else")
    return "0x" + keccak(min(leaf, other) + max(leaf, other)).hex(), [other]


def proof(supply_id: str, hashes: list[bytes], limit: int | None = None, price: int = 0) -> Proof:
    """A proof as the order service sends it."""
    if limit is None:
        return Proof(supply_id=supply_id, hashes=hashes)
    return Proof(supply_id=supply_id, hashes=hashes, overrides=True, per_user_limit=str(limit), unit_price=str(price))


def describe(
    isolated: IsolatedServices, somebody: IsolatedUser, supply_id: str, *proofs: Proof
) -> DescribeResponse.Terms:
    """The terms of a supply for a buyer."""
    request = DescribeRequest(supply_ids=[supply_id], user_id=somebody.user_id, address=somebody.address, proofs=proofs)
    (terms,) = isolated.rpc("supply", "order").call("Supply.Describe", request, DescribeResponse).supplies
    return terms


def an_entitled_order(
    isolated: IsolatedServices, somebody: IsolatedUser, supply_id: str, quantity: int, *proofs: Proof
) -> ReserveRequest.Order:
    """An order for a supply as the order service sends it, with the entitlement from Describe."""
    terms = describe(isolated, somebody, supply_id, *proofs)
    order = an_order(somebody, (supply_id, quantity))
    order.lines[0].phase, order.lines[0].listed, order.lines[0].limit = terms.phase, terms.listed, terms.limit
    return order
