"""List what is for sale."""

from typing import Annotated

import msgspec

from functions.supply.domain.supply import Status
from functions.supply.ports import SupplyWork
from functions.supply.views import SupplyView
from shared.contracts.fields import example_id
from shared.contracts.operations import Caller, Page, PageRequest, page
from shared.money import Currency

MerchantFilter = Annotated[str, msgspec.Meta(examples=[example_id("usr")])]
"""Of any form: no supply is of what is no user."""


class ListSupplies(PageRequest):
    """Which supplies to list."""

    status: Status | None = None
    """Only supplies with this status."""

    currency: Currency | None = None
    """Only supplies in this currency."""

    merchant_id: MerchantFilter | None = None
    """Only supplies of this merchant."""


def list_supplies(request: ListSupplies, caller: Caller | None, work: SupplyWork) -> Page[SupplyView]:
    """Supplies on sale and those that were, newest first, and the caller's own drafts; to anybody, signed in or not."""
    found = work.supplies.browse(
        viewer=caller.user_id if caller else None,
        status=request.status,
        currency=request.currency,
        merchant_id=request.merchant_id,
        after=request.after("sup"),
        most=request.limit + 1,
    )
    return page([SupplyView.of(supply) for supply in found], request.limit, "id")
