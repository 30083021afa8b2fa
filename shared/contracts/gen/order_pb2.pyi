import datetime

from shared.contracts.gen import audit_pb2 as _audit_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListPaidRequest(_message.Message):
    __slots__ = ("before", "after", "below_id")
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    BELOW_ID_FIELD_NUMBER: _ClassVar[int]
    before: _timestamp_pb2.Timestamp
    after: str
    below_id: str
    def __init__(self, before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., after: _Optional[str] = ..., below_id: _Optional[str] = ...) -> None: ...

class ListPaidResponse(_message.Message):
    __slots__ = ("order_ids", "charged_ids", "refunded_ids", "earned_ids", "orders", "from_id")
    ORDER_IDS_FIELD_NUMBER: _ClassVar[int]
    CHARGED_IDS_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_IDS_FIELD_NUMBER: _ClassVar[int]
    EARNED_IDS_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    FROM_ID_FIELD_NUMBER: _ClassVar[int]
    order_ids: _containers.RepeatedScalarFieldContainer[str]
    charged_ids: _containers.RepeatedScalarFieldContainer[str]
    refunded_ids: _containers.RepeatedScalarFieldContainer[str]
    earned_ids: _containers.RepeatedScalarFieldContainer[str]
    orders: _containers.RepeatedCompositeFieldContainer[_audit_pb2.Order]
    from_id: str
    def __init__(self, order_ids: _Optional[_Iterable[str]] = ..., charged_ids: _Optional[_Iterable[str]] = ..., refunded_ids: _Optional[_Iterable[str]] = ..., earned_ids: _Optional[_Iterable[str]] = ..., orders: _Optional[_Iterable[_Union[_audit_pb2.Order, _Mapping]]] = ..., from_id: _Optional[str] = ...) -> None: ...

class GetStatusRequest(_message.Message):
    __slots__ = ("order_id",)
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    def __init__(self, order_id: _Optional[str] = ...) -> None: ...

class GetStatusResponse(_message.Message):
    __slots__ = ("order_id", "user_id", "status", "claimable", "address", "items", "merchant_id", "wallet_id", "currency", "total", "paid_at")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CLAIMABLE_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    MERCHANT_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    PAID_AT_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    user_id: str
    status: str
    claimable: bool
    address: str
    items: _containers.RepeatedCompositeFieldContainer[Item]
    merchant_id: str
    wallet_id: str
    currency: str
    total: str
    paid_at: _timestamp_pb2.Timestamp
    def __init__(self, order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., status: _Optional[str] = ..., claimable: _Optional[bool] = ..., address: _Optional[str] = ..., items: _Optional[_Iterable[_Union[Item, _Mapping]]] = ..., merchant_id: _Optional[str] = ..., wallet_id: _Optional[str] = ..., currency: _Optional[str] = ..., total: _Optional[str] = ..., paid_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Item(_message.Message):
    __slots__ = ("item_id", "supply_id", "quantity", "chain_id", "contract", "token_id", "standard")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    STANDARD_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    supply_id: str
    quantity: int
    chain_id: int
    contract: str
    token_id: str
    standard: str
    def __init__(self, item_id: _Optional[str] = ..., supply_id: _Optional[str] = ..., quantity: _Optional[int] = ..., chain_id: _Optional[int] = ..., contract: _Optional[str] = ..., token_id: _Optional[str] = ..., standard: _Optional[str] = ...) -> None: ...

class DecideRequest(_message.Message):
    __slots__ = ("order_ids",)
    ORDER_IDS_FIELD_NUMBER: _ClassVar[int]
    order_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, order_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class DecideResponse(_message.Message):
    __slots__ = ("outcomes",)
    class Decision(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        DECISION_UNSPECIFIED: _ClassVar[DecideResponse.Decision]
        DECISION_PENDING: _ClassVar[DecideResponse.Decision]
        DECISION_CONFIRMED: _ClassVar[DecideResponse.Decision]
        DECISION_ENDED: _ClassVar[DecideResponse.Decision]
    DECISION_UNSPECIFIED: DecideResponse.Decision
    DECISION_PENDING: DecideResponse.Decision
    DECISION_CONFIRMED: DecideResponse.Decision
    DECISION_ENDED: DecideResponse.Decision
    class Outcome(_message.Message):
        __slots__ = ("order_id", "decision")
        ORDER_ID_FIELD_NUMBER: _ClassVar[int]
        DECISION_FIELD_NUMBER: _ClassVar[int]
        order_id: str
        decision: DecideResponse.Decision
        def __init__(self, order_id: _Optional[str] = ..., decision: _Optional[_Union[DecideResponse.Decision, str]] = ...) -> None: ...
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[DecideResponse.Outcome]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[DecideResponse.Outcome, _Mapping]]] = ...) -> None: ...
