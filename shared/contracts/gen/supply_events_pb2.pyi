import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SupplyCreated(_message.Message):
    __slots__ = ("supply_id", "user_id", "title", "currency", "unit_price", "quantity", "status", "payout_wallet_id", "per_user_limit", "terms")
    SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    UNIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    PER_USER_LIMIT_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    supply_id: str
    user_id: str
    title: str
    currency: str
    unit_price: str
    quantity: int
    status: str
    payout_wallet_id: str
    per_user_limit: int
    terms: SupplyTerms
    def __init__(self, supply_id: _Optional[str] = ..., user_id: _Optional[str] = ..., title: _Optional[str] = ..., currency: _Optional[str] = ..., unit_price: _Optional[str] = ..., quantity: _Optional[int] = ..., status: _Optional[str] = ..., payout_wallet_id: _Optional[str] = ..., per_user_limit: _Optional[int] = ..., terms: _Optional[_Union[SupplyTerms, _Mapping]] = ...) -> None: ...

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
    __slots__ = ("supply_id", "user_id", "title", "unit_price", "status", "per_user_limit", "changed", "payout_wallet_id", "terms")
    SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    UNIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PER_USER_LIMIT_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    supply_id: str
    user_id: str
    title: str
    unit_price: str
    status: str
    per_user_limit: int
    changed: _containers.RepeatedScalarFieldContainer[str]
    payout_wallet_id: str
    terms: SupplyTerms
    def __init__(self, supply_id: _Optional[str] = ..., user_id: _Optional[str] = ..., title: _Optional[str] = ..., unit_price: _Optional[str] = ..., status: _Optional[str] = ..., per_user_limit: _Optional[int] = ..., changed: _Optional[_Iterable[str]] = ..., payout_wallet_id: _Optional[str] = ..., terms: _Optional[_Union[SupplyTerms, _Mapping]] = ...) -> None: ...

class SupplyRestocked(_message.Message):
    __slots__ = ("supply_id", "user_id", "added", "quantity", "stock")
    SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    STOCK_FIELD_NUMBER: _ClassVar[int]
    supply_id: str
    user_id: str
    added: int
    quantity: int
    stock: SupplyStock
    def __init__(self, supply_id: _Optional[str] = ..., user_id: _Optional[str] = ..., added: _Optional[int] = ..., quantity: _Optional[int] = ..., stock: _Optional[_Union[SupplyStock, _Mapping]] = ...) -> None: ...

class SupplyTerms(_message.Message):
    __slots__ = ("description", "currency", "phases", "asset", "status", "published", "version", "created_at", "updated_at", "stock", "asset_proven")
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    PHASES_FIELD_NUMBER: _ClassVar[int]
    ASSET_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    STOCK_FIELD_NUMBER: _ClassVar[int]
    ASSET_PROVEN_FIELD_NUMBER: _ClassVar[int]
    description: str
    currency: str
    phases: _containers.RepeatedCompositeFieldContainer[SupplyPhase]
    asset: SupplyAsset
    status: str
    published: bool
    version: int
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    stock: SupplyStock
    asset_proven: bool
    def __init__(self, description: _Optional[str] = ..., currency: _Optional[str] = ..., phases: _Optional[_Iterable[_Union[SupplyPhase, _Mapping]]] = ..., asset: _Optional[_Union[SupplyAsset, _Mapping]] = ..., status: _Optional[str] = ..., published: _Optional[bool] = ..., version: _Optional[int] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., stock: _Optional[_Union[SupplyStock, _Mapping]] = ..., asset_proven: _Optional[bool] = ...) -> None: ...

class SupplyPhase(_message.Message):
    __slots__ = ("name", "starts_at", "ends_at", "unit_price", "per_user_limit", "cap", "allowlist_root")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STARTS_AT_FIELD_NUMBER: _ClassVar[int]
    ENDS_AT_FIELD_NUMBER: _ClassVar[int]
    UNIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    PER_USER_LIMIT_FIELD_NUMBER: _ClassVar[int]
    CAP_FIELD_NUMBER: _ClassVar[int]
    ALLOWLIST_ROOT_FIELD_NUMBER: _ClassVar[int]
    name: str
    starts_at: _timestamp_pb2.Timestamp
    ends_at: _timestamp_pb2.Timestamp
    unit_price: str
    per_user_limit: int
    cap: int
    allowlist_root: str
    def __init__(self, name: _Optional[str] = ..., starts_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ends_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., unit_price: _Optional[str] = ..., per_user_limit: _Optional[int] = ..., cap: _Optional[int] = ..., allowlist_root: _Optional[str] = ...) -> None: ...

class SupplyAsset(_message.Message):
    __slots__ = ("chain_id", "contract", "token_id", "standard")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    STANDARD_FIELD_NUMBER: _ClassVar[int]
    chain_id: int
    contract: str
    token_id: str
    standard: str
    def __init__(self, chain_id: _Optional[int] = ..., contract: _Optional[str] = ..., token_id: _Optional[str] = ..., standard: _Optional[str] = ...) -> None: ...

class SupplyStock(_message.Message):
    __slots__ = ("quantity", "available", "reserved", "sold", "version")
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    SOLD_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    quantity: int
    available: int
    reserved: int
    sold: int
    version: int
    def __init__(self, quantity: _Optional[int] = ..., available: _Optional[int] = ..., reserved: _Optional[int] = ..., sold: _Optional[int] = ..., version: _Optional[int] = ...) -> None: ...

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

class PhaseRights(_message.Message):
    __slots__ = ("phase", "units")
    PHASE_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    phase: str
    units: int
    def __init__(self, phase: _Optional[str] = ..., units: _Optional[int] = ...) -> None: ...

class SupplyQuotaMoved(_message.Message):
    __slots__ = ("supply_id", "giver", "receiver", "units", "rights")
    SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
    GIVER_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    RIGHTS_FIELD_NUMBER: _ClassVar[int]
    supply_id: str
    giver: str
    receiver: str
    units: int
    rights: _containers.RepeatedCompositeFieldContainer[PhaseRights]
    def __init__(self, supply_id: _Optional[str] = ..., giver: _Optional[str] = ..., receiver: _Optional[str] = ..., units: _Optional[int] = ..., rights: _Optional[_Iterable[_Union[PhaseRights, _Mapping]]] = ...) -> None: ...

class SupplyCounted(_message.Message):
    __slots__ = ("supply_id", "cell", "reserved", "sold", "changes")
    SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
    CELL_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    SOLD_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    supply_id: str
    cell: str
    reserved: int
    sold: int
    changes: int
    def __init__(self, supply_id: _Optional[str] = ..., cell: _Optional[str] = ..., reserved: _Optional[int] = ..., sold: _Optional[int] = ..., changes: _Optional[int] = ...) -> None: ...
