"""The errors of the supply service."""

from shared.errors import Refusal


class SupplyAlreadyArchived(Refusal):
    """This supply is archived: it can no longer be changed or restocked."""

    code = "SUPPLY_ARCHIVED"


class SupplyInUse(Refusal):
    """Units of this supply are reserved by orders: try again when those are paid or have ended."""

    code = "SUPPLY_IN_USE"


class IllegalStatus(Refusal):
    """A draft becomes active, and what is active may be paused and resumed; there is no other way."""

    code = "ILLEGAL_STATUS"


class AssetNotYours(Refusal):
    """The contract has to name the payout wallet's address as owner() or admin, and nobody else may sell the token."""

    code = "ASSET_NOT_YOURS"


class QuantityTooLarge(Refusal):
    """A supply has at most a thousand million units."""

    code = "QUANTITY_TOO_LARGE"
