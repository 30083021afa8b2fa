"""The errors of the supply service."""

from shared.errors import Refusal


class SupplyAlreadyArchived(Refusal):
    """This supply is archived: it can no longer be changed or restocked."""

    code = "SUPPLY_ARCHIVED"
    cure = "Create another supply."


class SupplyInUse(Refusal):
    """Units of this supply are reserved by orders: try again when those are paid or have ended."""

    code = "SUPPLY_IN_USE"
    cure = "Try again when its orders are paid or have ended."


class IllegalStatus(Refusal):
    """A draft becomes active, and what is active may be paused and resumed; there is no other way."""

    code = "ILLEGAL_STATUS"
    cure = "Read the supply, and choose a status that follows its present one."


class AssetNotYours(Refusal):
    """The contract has to name the payout wallet's address as owner() or admin, and nobody else may sell the token."""

    code = "ASSET_NOT_YOURS"
    cure = "Have the contract name the payout wallet's address as its owner or admin, or sell a token of your own."


class QuantityTooLarge(Refusal):
    """A supply has at most a thousand million units."""

    code = "QUANTITY_TOO_LARGE"
    cure = "Add less, or create another supply."
