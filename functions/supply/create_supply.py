"""Put something up for sale."""

from typing import Literal

from msgspec import field

from functions.supply.domain.supply import Stock, Supply
from functions.supply.owning import named, secure
from functions.supply.ports import SupplyWork
from functions.supply.views import AssetView, Description, Phases, SupplyView, Title, phases_of
from shared.contracts.operations import Caller, Quantity, Request
from shared.money import Amount, Currency


class CreateSupply(Request):
    """What to sell, and on what terms."""

    title: Title
    currency: Currency
    unit_price: Amount
    quantity: Quantity
    description: Description = ""
    per_user_limit: Quantity | None = None
    phases: Phases = field(default_factory=list)
    asset: AssetView | None = None
    payout_wallet_id: str | None = None
    status: Literal["draft", "active"] = "draft"


def create_supply(request: CreateSupply, caller: Caller, work: SupplyWork) -> SupplyView:
    """Put a supply up, paid out to the named or the default wallet.

    Raises Malformed, NotFound, AssetNotYours, Unavailable.
    """
    supply_id = work.new_id("sup")
    # Read before the wallet is asked for: what is malformed is told before what does not exist.
    phases = phases_of(request.phases)
    asset = named(request.asset, request.quantity, work) if request.asset else work.chain.default_asset(supply_id)
    supply = Supply(
        id=supply_id,
        merchant_id=caller.user_id,
        payout_wallet_id=work.supplies.payee(supply_id, caller.user_id, request.payout_wallet_id),
        title=request.title,
        description=request.description,
        currency=request.currency,
        unit_price=request.unit_price,
        per_user_limit=request.per_user_limit,
        phases=phases,
        asset=asset,
        status=request.status,
        published=request.status == "active",
        stock=Stock(request.quantity, available=request.quantity, reserved=0, sold=0, version=1),
        version=1,
        created_at=work.now(),
        updated_at=work.now(),
    )
    secure(supply, work)
    work.supplies.add(supply)
    return SupplyView.of(supply)
