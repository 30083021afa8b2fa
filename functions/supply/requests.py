"""Requests whose fields take more room to describe than stands in an operation's file."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType, field

from functions.supply.domain.allowlist import MAX_HEIGHT
from functions.supply.views import AssetView, Description, Phases, Title
from shared.contracts.fields import SupplyId, WalletId
from shared.contracts.operations import Quantity, Request
from shared.money import Amount, Currency


class CreateSupply(Request):
    """What to sell, and on what terms."""

    in_example = frozenset({"description", "status"})

    title: Title
    """What it is called, in a line."""

    currency: Currency
    """The currency of its prices."""

    unit_price: Amount
    """The price of one unit in atomic units of the currency; 0 is a free drop."""

    quantity: Quantity
    """How many units there are."""

    description: Description = ""
    """What a buyer should know about it."""

    per_user_limit: Quantity | None = None
    """How many units one buyer may have in all; null for no limit."""

    phases: Phases = field(default_factory=list)
    """The phases of the sale; without any it sells whenever it is active."""

    asset: AssetView | None = None
    """The token that a claim delivers, which the payout wallet's address has to control; by default one of the house's
    contract.
    """

    payout_wallet_id: WalletId | None = None
    """The merchant's wallet that sales are paid to; the default wallet by default."""

    status: Annotated[Literal["draft", "active"], msgspec.Meta(examples=["active"])] = "draft"
    """`active` puts it on sale at once; a draft is seen by its merchant alone."""


class UpdateSupply(Request):
    """What to change: absent fields stay as they are. `phases` replaces all phases; a limit of null removes it."""

    in_example = frozenset({"title", "unit_price"})

    supply_id: SupplyId
    title: Title | UnsetType = UNSET
    """What it is called, in a line."""

    description: Description | UnsetType = UNSET
    """What a buyer should know about it."""

    unit_price: Amount | UnsetType = UNSET
    """The price of one unit in atomic units of its currency, for orders from now on."""

    per_user_limit: Quantity | UnsetType | None = UNSET
    """How many units one buyer may have in all; null removes the limit."""

    phases: Phases | UnsetType = UNSET
    """The phases of the sale, in place of all there are."""

    status: Literal["draft", "active", "paused"] | UnsetType = UNSET
    """A draft can be activated; an active supply can be paused, and resumed."""

    payout_wallet_id: WalletId | UnsetType = UNSET
    """The merchant's wallet that orders from now on are paid to."""


HASHES = rf"^(0x[0-9a-fA-F]{{64}}(,0x[0-9a-fA-F]{{64}}){{0,{MAX_HEIGHT - 1}}})?$(?!\n)"


ProofText = Annotated[str, msgspec.Meta(pattern=HASHES, examples=["0x" + "2b" * 32 + ",0x" + "3c" * 32])]


class CheckEligibility(Request):
    """Which supply, how many units, and with which wallet."""

    supply_id: SupplyId
    wallet_id: WalletId | None = None
    """The wallet to buy with; the default wallet by default."""

    quantity: Quantity = 1
    """How many units to buy."""

    proof: ProofText | None = None
    """A Merkle proof that the wallet's address is on the allowlist of the open phase: the hashes from the leaf's
    sibling up, separated by commas.
    """

    proof_limit: Amount | None = None
    """The per-user limit in the leaf, for a list with overrides; goes with `proof_price`."""

    proof_price: Amount | None = None
    """The unit price in the leaf in atomic units, for a list with overrides; goes with `proof_limit`."""
