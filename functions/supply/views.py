"""What callers see of supplies."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

import msgspec

from functions.supply.domain.entitlement import Reason
from functions.supply.domain.phases import Phase, in_order
from functions.supply.domain.supply import Asset, Status, Supply
from shared.contracts.fields import CurrencyCode, SupplyId, Units, UserId, Version, WalletId
from shared.contracts.operations import ONE_LINE, Address, Quantity, Resource, Time, View
from shared.errors import Malformed
from shared.money import Amount


class AssetView(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The token that a claim delivers."""

    chain_id: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1, examples=[31337])]
    """The chain that it is on, by its number in EIP-155."""

    contract: Address
    """The address of its contract."""

    token_id: Amount
    """Its number within the contract: a uint256 as a decimal string."""

    standard: Literal["ERC-721", "ERC-1155"] = "ERC-1155"
    """The token standard that the contract implements; of an ERC-721 token there is one unit."""

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


Root = Annotated[str, msgspec.Meta(pattern=r"^0x[0-9a-fA-F]{64}$(?!\n)", examples=["0x" + "a1" * 32])]


class PhaseView(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A time window of a sale, with terms of its own.

    Its list of buyers is a standard tree of @openzeppelin/merkle-tree over ["address"], or over ["address", "uint256",
    "uint256"], with a per-user limit (0 for the phase's) and a unit price for each address.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=ONE_LINE, examples=["Friends"])]
    """Its name, unique within the supply."""

    starts_at: Time
    """When it begins, inclusive."""

    ends_at: Time | None = None
    """When it ends, exclusive; null for no end. Phases do not overlap."""

    unit_price: Amount | None = None
    """The price of one unit in it, in atomic units of the supply's currency; null for the supply's price."""

    per_user_limit: Quantity | None = None
    """How many units one buyer may have of it; null for no limit besides the supply's."""

    cap: Quantity | None = None
    """How many units all buyers together may have of it; null for no cap."""

    allowlist_root: (
        Annotated[str, msgspec.Meta(pattern=r"^0x[0-9a-fA-F]{64}$(?!\n)", examples=["0x" + "a1" * 32])] | None
    ) = None
    """The Merkle root of the addresses that may buy in it, 32 bytes in hexadecimal; null for everybody."""

    @classmethod
    def of(cls, phase: Phase) -> "PhaseView":
        """What a caller sees of a phase."""
        return cls(**{name: getattr(phase, name) for name in cls.__struct_fields__})


Title = Annotated[
    str, msgspec.Meta(min_length=1, max_length=200, pattern=ONE_LINE, description="A line.", examples=["First light"])
]
Description = Annotated[str, msgspec.Meta(max_length=5000, examples=["A print on paper, 30 by 40 cm, signed."])]
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
        raise Malformed("must be between the years 1 and 9999 in UTC", field=field) from error


ShownTitle = Annotated[str, msgspec.Meta(examples=["First light"])]
ShownDescription = Annotated[str, msgspec.Meta(examples=["A print on paper, 30 by 40 cm, signed."])]


class SupplyView(Resource):
    """A supply with its stock."""

    id: SupplyId
    """The supply's id."""

    merchant_id: UserId
    """The merchant who sells it."""

    payout_wallet_id: WalletId
    """The merchant's wallet that its sales are paid to."""

    title: ShownTitle
    """What it is called."""

    description: ShownDescription
    """What a buyer should know about it; may be empty."""

    currency: CurrencyCode
    """The currency of its prices."""

    unit_price: Amount
    """The price of one unit in atomic units of the currency, unless the open phase has its own; 0 is a free drop."""

    quantity: Units
    """How many units there are in all: available, reserved and sold ones."""

    available: Units
    """How many units can still be ordered."""

    reserved: Units
    """How many units orders have reserved that are not paid yet."""

    sold: Units
    """How many units are sold."""

    per_user_limit: Units | None
    """How many units one buyer may have in all; null for no limit."""

    phases: list[PhaseView]
    """The phases of the sale, by their beginning; without any it sells whenever it is active."""

    asset: AssetView
    """The token that a claim delivers."""

    status: Status
    """`draft`: only its merchant sees it; `active`: on sale; `paused`: not for now; `sold_out`: on sale again as soon
    as units come back; `archived`: for good.
    """

    version: Version
    """How often its terms were changed: what If-Match is compared with."""

    created_at: Time
    """When it was created."""

    updated_at: Time
    """When its terms were last changed."""

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
    """Whether a buyer may buy units of a supply now."""

    eligible: bool
    """Whether the buyer may buy so many units now."""

    reasons: list[Reason]
    """Every reason against it, by error code, the most serious first; empty if they may."""

    unit_price: Amount
    """The price of one unit for this buyer now, in atomic units of the supply's currency."""

    limit_remaining: Units | None
    """How many more units this buyer may have; null without a limit."""

    phase: Annotated[str, msgspec.Meta(examples=["Friends"])] | None
    """The open phase of the sale; null for none."""

    @classmethod
    def of(
        cls, reasons: Sequence[Reason], unit_price: int, limit_remaining: int | None, phase: str
    ) -> "EligibilityView":
        """What a caller sees of an eligibility check; no open phase is null."""
        return cls(not reasons, list(reasons), Amount(unit_price), limit_remaining, phase or None)
