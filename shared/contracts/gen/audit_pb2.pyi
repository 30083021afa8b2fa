import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CheckRequest(_message.Message):
    __slots__ = ("at", "order_ids", "refunded_ids", "earned_ids", "page")
    AT_FIELD_NUMBER: _ClassVar[int]
    ORDER_IDS_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_IDS_FIELD_NUMBER: _ClassVar[int]
    EARNED_IDS_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    order_ids: _containers.RepeatedScalarFieldContainer[str]
    refunded_ids: _containers.RepeatedScalarFieldContainer[str]
    earned_ids: _containers.RepeatedScalarFieldContainer[str]
    page: Page
    def __init__(self, at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., order_ids: _Optional[_Iterable[str]] = ..., refunded_ids: _Optional[_Iterable[str]] = ..., earned_ids: _Optional[_Iterable[str]] = ..., page: _Optional[_Union[Page, _Mapping]] = ...) -> None: ...

class Page(_message.Message):
    __slots__ = ("orders", "from_id", "below_id", "settled")
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    FROM_ID_FIELD_NUMBER: _ClassVar[int]
    BELOW_ID_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[Order]
    from_id: str
    below_id: str
    settled: _timestamp_pb2.Timestamp
    def __init__(self, orders: _Optional[_Iterable[_Union[Order, _Mapping]]] = ..., from_id: _Optional[str] = ..., below_id: _Optional[str] = ..., settled: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Order(_message.Message):
    __slots__ = ("id", "user_id", "wallet_id", "address", "merchant_id", "currency", "total", "fee_bps", "items", "payouts", "confirmed_at", "confirmed_version", "paid_at", "paid_version", "ended_at", "ended_version", "refunded_at", "refunded_version", "restocked", "earned_at", "earned_version", "claimed_at", "completed_at")
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
    class Payout(_message.Message):
        __slots__ = ("wallet_id", "amount")
        WALLET_ID_FIELD_NUMBER: _ClassVar[int]
        AMOUNT_FIELD_NUMBER: _ClassVar[int]
        wallet_id: str
        amount: str
        def __init__(self, wallet_id: _Optional[str] = ..., amount: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    MERCHANT_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    FEE_BPS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    PAYOUTS_FIELD_NUMBER: _ClassVar[int]
    CONFIRMED_AT_FIELD_NUMBER: _ClassVar[int]
    CONFIRMED_VERSION_FIELD_NUMBER: _ClassVar[int]
    PAID_AT_FIELD_NUMBER: _ClassVar[int]
    PAID_VERSION_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_VERSION_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_AT_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_VERSION_FIELD_NUMBER: _ClassVar[int]
    RESTOCKED_FIELD_NUMBER: _ClassVar[int]
    EARNED_AT_FIELD_NUMBER: _ClassVar[int]
    EARNED_VERSION_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_AT_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_AT_FIELD_NUMBER: _ClassVar[int]
    id: str
    user_id: str
    wallet_id: str
    address: str
    merchant_id: str
    currency: str
    total: str
    fee_bps: int
    items: _containers.RepeatedCompositeFieldContainer[Order.Item]
    payouts: _containers.RepeatedCompositeFieldContainer[Order.Payout]
    confirmed_at: _timestamp_pb2.Timestamp
    confirmed_version: int
    paid_at: _timestamp_pb2.Timestamp
    paid_version: int
    ended_at: _timestamp_pb2.Timestamp
    ended_version: int
    refunded_at: _timestamp_pb2.Timestamp
    refunded_version: int
    restocked: bool
    earned_at: _timestamp_pb2.Timestamp
    earned_version: int
    claimed_at: _timestamp_pb2.Timestamp
    completed_at: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., user_id: _Optional[str] = ..., wallet_id: _Optional[str] = ..., address: _Optional[str] = ..., merchant_id: _Optional[str] = ..., currency: _Optional[str] = ..., total: _Optional[str] = ..., fee_bps: _Optional[int] = ..., items: _Optional[_Iterable[_Union[Order.Item, _Mapping]]] = ..., payouts: _Optional[_Iterable[_Union[Order.Payout, _Mapping]]] = ..., confirmed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., confirmed_version: _Optional[int] = ..., paid_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., paid_version: _Optional[int] = ..., ended_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ended_version: _Optional[int] = ..., refunded_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., refunded_version: _Optional[int] = ..., restocked: _Optional[bool] = ..., earned_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., earned_version: _Optional[int] = ..., claimed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., completed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CheckResponse(_message.Message):
    __slots__ = ("checked", "violations", "unchecked")
    class Violation(_message.Message):
        __slots__ = ("invariant", "subject", "detail")
        INVARIANT_FIELD_NUMBER: _ClassVar[int]
        SUBJECT_FIELD_NUMBER: _ClassVar[int]
        DETAIL_FIELD_NUMBER: _ClassVar[int]
        invariant: str
        subject: str
        detail: str
        def __init__(self, invariant: _Optional[str] = ..., subject: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...
    CHECKED_FIELD_NUMBER: _ClassVar[int]
    VIOLATIONS_FIELD_NUMBER: _ClassVar[int]
    UNCHECKED_FIELD_NUMBER: _ClassVar[int]
    checked: _containers.RepeatedScalarFieldContainer[str]
    violations: _containers.RepeatedCompositeFieldContainer[CheckResponse.Violation]
    unchecked: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, checked: _Optional[_Iterable[str]] = ..., violations: _Optional[_Iterable[_Union[CheckResponse.Violation, _Mapping]]] = ..., unchecked: _Optional[_Iterable[str]] = ...) -> None: ...
