"""The types of fields that many requests and views have, as the OpenAPI document shows them.

They document only, unless they say otherwise: operations answer a malformed id as they do an unknown one.
"""

from typing import Annotated

import msgspec

from shared.money import DECIMALS

CurrencyCode = Annotated[str, msgspec.Meta(extra_json_schema={"enum": sorted(DECIMALS)})]
"""A currency in a view. A request has `shared.money.Currency`, which refuses others."""
