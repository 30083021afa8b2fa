"""A typed client of Meridian's API.

`Meridian` and `AsyncMeridian` (meridian.py) have a session that is refreshed, retries, and `wait_until_paid`.
api.py and async_api.py are generated from the OpenAPI document: a method for each operation, a struct for each schema.
"""

from .api import OrderLine
from .errors import ApiError, FieldError, OrderEnded
from .meridian import AsyncMeridian, Meridian
from .paging import aiterate, iterate
from .retries import Retries

__all__ = [
    "ApiError",
    "AsyncMeridian",
    "FieldError",
    "Meridian",
    "OrderEnded",
    "OrderLine",
    "Retries",
    "aiterate",
    "iterate",
]
