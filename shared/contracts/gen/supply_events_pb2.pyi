import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SupplyCreated(_message.Message):
    __slots__ = ("supply_id", "user_id", "title", "currency", "unit_price", "quantity", "status", "payout_wallet_id", "per_user_limit")
    SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    UNIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    PER_USER_LIMIT_FIELD_NUMBER: _ClassVar[int]
    supply_id: str
    user_id: str
    title: str
    currency: str
    unit_price: str
    quantity: int
    status: str
    payout_wallet_id: str
    per_user_limit: int
    def __init__(self, supply_id: _Optional[str] = ..., user_id: _Optional[str] = ..., title: _Optional[str] = ..., currency: _Optional[str] = ..., unit_price: _Optional[str] = ..., quantity: _Optional[int] = ..., status: _Optional[str] = ..., payout_wallet_id: _Optional[str] = ..., per_user_limit: _Optional[int] = ...) -> None: ...

class SupplySoldOut(_message.Message):
    __slots__ = ("supply_id", "user_id", "quantity")
    SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    supply_id: str
    user_id: str
    quantity: int
    def __init__(self, supply_id: _Optional[str] = ..., user_id: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class SupplyReserved(_message.Message):
    __slots__ = ("reservation_id", "supply_id", "order_id", "user_id", "quantity", "expires_at")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    supply_id: str
    order_id: str
    user_id: str
    quantity: int
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, reservation_id: _Optional[str] = ..., supply_id: _Optional[str] = ..., order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., quantity: _Optional[int] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SupplyCommitted(_message.Message):
    __slots__ = ("reservation_id", "supply_id", "order_id", "user_id", "quantity")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    supply_id: str
    order_id: str
    user_id: str
    quantity: int
    def __init__(self, reservation_id: _Optional[str] = ..., supply_id: _Optional[str] = ..., order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class SupplyReleased(_message.Message):
    __slots__ = ("reservation_id", "supply_id", "order_id", "user_id", "quantity", "reason")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    supply_id: str
    order_id: str
    user_id: str
    quantity: int
    reason: str
    def __init__(self, reservation_id: _Optional[str] = ..., supply_id: _Optional[str] = ..., order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., quantity: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class SupplyUpdated(_message.Message):
    __slots__ = ("supply_id", "user_id", "title", "unit_price", "status", "per_user_limit", "changed", "payout_wallet_id")
    SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    UNIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PER_USER_LIMIT_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    supply_id: str
    user_id: str
    title: str
    unit_price: str
    status: str
    per_user_limit: int
    changed: _containers.RepeatedScalarFieldContainer[str]
    payout_wallet_id: str
    def __init__(self, supply_id: _Optional[str] = ..., user_id: _Optional[str] = ..., title: _Optional[str] = ..., unit_price: _Optional[str] = ..., status: _Optional[str] = ..., per_user_limit: _Optional[int] = ..., changed: _Optional[_Iterable[str]] = ..., payout_wallet_id: _Optional[str] = ...) -> None: ...

class SupplyRestocked(_message.Message):
    __slots__ = ("supply_id", "user_id", "added", "quantity")
    SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    supply_id: str
    user_id: str
    added: int
    quantity: int
    def __init__(self, supply_id: _Optional[str] = ..., user_id: _Optional[str] = ..., added: _Optional[int] = ..., quantity: _Optional[int] = ...) -> None: ...

class SupplyArchived(_message.Message):
    __slots__ = ("supply_id", "user_id")
    SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    supply_id: str
    user_id: str
    def __init__(self, supply_id: _Optional[str] = ..., user_id: _Optional[str] = ...) -> None: ...

class SupplyReturned(_message.Message):
    __slots__ = ("reservation_id", "supply_id", "order_id", "user_id", "quantity")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    supply_id: str
    order_id: str
    user_id: str
    quantity: int
    def __init__(self, reservation_id: _Optional[str] = ..., supply_id: _Optional[str] = ..., order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...
