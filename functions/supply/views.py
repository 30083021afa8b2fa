"""What callers see of supplies."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

import msgspec

from functions.supply.domain.entitlement import Reason
from functions.supply.domain.phases import Phase, in_order
from functions.supply.domain.supply import Asset, Status, Supply
from shared.contracts.fields import CurrencyCode
from shared.contracts.operations import ONE_LINE, Address, Quantity, Resource, Time, View
from shared.errors import Malformed
from shared.money import Amount


class AssetView(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The token that a claim delivers; `token_id` is a uint256 as a decimal string."""

    chain_id: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
    contract: Address
    token_id: Amount
    standard: Literal["ERC-721", "ERC-1155"] = "ERC-1155"

    @classmethod
    def of(cls, asset: Asset) -> "AssetView":
        """What a caller sees of an asset."""
        return cls(
            chain_id=asset.chain_id, contract=asset.contract, token_id=Amount(asset.token_id), standard=asset.standard
        )

    def asset(self, address: Callable[[str], str]) -> Asset:
        """The asset. address: the EIP-55 form of an address, as ports.Chain has it. Raises Malformed."""
        try:
            contract = address(self.contract)
        except ValueError as error:
            raise Malformed(str(error), field="asset.contract") from error
        return Asset(chain_id=self.chain_id, contract=contract, token_id=self.token_id, standard=self.standard)


class PhaseView(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A time window of a sale, from `starts_at` (inclusive) to `ends_at` (exclusive), with terms of its own.

    Null fields are as in the supply; `cap` counts the units of all buyers, `allowlist_root` is the Merkle root of those
    who may buy: a standard tree of @openzeppelin/merkle-tree over ["address"], or over ["address", "uint256",
    "uint256"], with a per-user limit (0 for the phase's) and a unit price for each address.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=ONE_LINE)]
    starts_at: Time
    ends_at: Time | None = None
    unit_price: Amount | None = None
    per_user_limit: Quantity | None = None
    cap: Quantity | None = None
    allowlist_root: Annotated[str, msgspec.Meta(pattern=r"^0x[0-9a-fA-F]{64}$(?!\n)")] | None = None

    @classmethod
    def of(cls, phase: Phase) -> "PhaseView":
        """What a caller sees of a phase."""
        return cls(**{name: getattr(phase, name) for name in cls.__struct_fields__})


Title = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=ONE_LINE)]
Description = Annotated[str, msgspec.Meta(max_length=5000)]
Phases = Annotated[list[PhaseView], msgspec.Meta(max_length=100)]


def phases_of(given: Sequence[PhaseView]) -> tuple[Phase, ...]:
    """A merchant's phases, sorted by time. Raises Malformed."""
    return in_order(
        [
            Phase(
                name=phase.name,
                starts_at=_utc(phase.starts_at, f"phases[{number}].starts_at"),
                ends_at=phase.ends_at and _utc(phase.ends_at, f"phases[{number}].ends_at"),
                unit_price=phase.unit_price,
                per_user_limit=phase.per_user_limit,
                cap=phase.cap,
                allowlist_root=phase.allowlist_root and phase.allowlist_root.lower(),
            )
            for number, phase in enumerate(given)
        ]
    )


def _utc(at: datetime, field: str) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise Malformed("a time between the years 1 and 9999 in UTC", field=field) from error


class SupplyView(Resource):
    """A supply with its stock."""

    id: str
    merchant_id: str
    payout_wallet_id: str
    title: str
    description: str
    currency: CurrencyCode
    unit_price: Amount
    quantity: int
    available: int
    reserved: int
    sold: int
    per_user_limit: int | None
    phases: list[PhaseView]
    asset: AssetView
    status: Status
    version: int
    created_at: Time
    updated_at: Time

    def tag(self) -> str:
        """Its version and that of its stock: a sale changes only the latter."""
        return f"{self.version}-{self.__dict__['stock_version']}"

    @classmethod
    def of(cls, supply: Supply) -> "SupplyView":
        """What a caller sees of a supply."""
        view = cls(
            id=supply.id,
            merchant_id=supply.merchant_id,
            payout_wallet_id=supply.payout_wallet_id,
            title=supply.title,
            description=supply.description,
            currency=supply.currency,
            unit_price=Amount(supply.unit_price),
            quantity=supply.stock.quantity,
            available=supply.stock.available,
            reserved=supply.stock.reserved,
            sold=supply.stock.sold,
            per_user_limit=supply.per_user_limit,
            phases=[PhaseView.of(phase) for phase in supply.phases],
            asset=AssetView.of(supply.asset),
            status=supply.status,
            version=supply.version,
            created_at=supply.created_at,
            updated_at=supply.updated_at,
        )
        return view.with_stock(supply.stock.version)

    def with_stock(self, version: int) -> Self:
        """Itself, with the version of its stock, which is in its ETag but not in its body."""
        self.__dict__["stock_version"] = version
        return self


class EligibilityView(View):
    """Whether a buyer may buy units of a supply now; `reasons` are all that apply, most serious first."""

    eligible: bool
    reasons: list[Reason]
    unit_price: Amount
    limit_remaining: int | None
    phase: str | None

    @classmethod
    def of(
        cls, reasons: Sequence[Reason], unit_price: int, limit_remaining: int | None, phase: str
    ) -> "EligibilityView":
        """What a caller sees of an eligibility check; no open phase is null."""
        return cls(not reasons, list(reasons), Amount(unit_price), limit_remaining, phase or None)
