import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MeasureRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MeasureResponse(_message.Message):
    __slots__ = ("measured_at", "counts", "money", "stock", "breakers", "unsent_events", "unsent_seconds", "parked_events", "invariants")
    class Count(_message.Message):
        __slots__ = ("kind", "status", "count")
        KIND_FIELD_NUMBER: _ClassVar[int]
        STATUS_FIELD_NUMBER: _ClassVar[int]
        COUNT_FIELD_NUMBER: _ClassVar[int]
        kind: str
        status: str
        count: int
        def __init__(self, kind: _Optional[str] = ..., status: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...
    class Money(_message.Message):
        __slots__ = ("kind", "currency", "amount")
        KIND_FIELD_NUMBER: _ClassVar[int]
        CURRENCY_FIELD_NUMBER: _ClassVar[int]
        AMOUNT_FIELD_NUMBER: _ClassVar[int]
        kind: str
        currency: str
        amount: str
        def __init__(self, kind: _Optional[str] = ..., currency: _Optional[str] = ..., amount: _Optional[str] = ...) -> None: ...
    class Stock(_message.Message):
        __slots__ = ("supply_id", "title", "quantity", "available", "reserved", "sold")
        SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
        TITLE_FIELD_NUMBER: _ClassVar[int]
        QUANTITY_FIELD_NUMBER: _ClassVar[int]
        AVAILABLE_FIELD_NUMBER: _ClassVar[int]
        RESERVED_FIELD_NUMBER: _ClassVar[int]
        SOLD_FIELD_NUMBER: _ClassVar[int]
        supply_id: str
        title: str
        quantity: int
        available: int
        reserved: int
        sold: int
        def __init__(self, supply_id: _Optional[str] = ..., title: _Optional[str] = ..., quantity: _Optional[int] = ..., available: _Optional[int] = ..., reserved: _Optional[int] = ..., sold: _Optional[int] = ...) -> None: ...
    class Breaker(_message.Message):
        __slots__ = ("name", "state")
        NAME_FIELD_NUMBER: _ClassVar[int]
        STATE_FIELD_NUMBER: _ClassVar[int]
        name: str
        state: str
        def __init__(self, name: _Optional[str] = ..., state: _Optional[str] = ...) -> None: ...
    class Invariants(_message.Message):
        __slots__ = ("checked_at", "holding", "violated")
        CHECKED_AT_FIELD_NUMBER: _ClassVar[int]
        HOLDING_FIELD_NUMBER: _ClassVar[int]
        VIOLATED_FIELD_NUMBER: _ClassVar[int]
        checked_at: _timestamp_pb2.Timestamp
        holding: int
        violated: _containers.RepeatedScalarFieldContainer[str]
        def __init__(self, checked_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., holding: _Optional[int] = ..., violated: _Optional[_Iterable[str]] = ...) -> None: ...
    MEASURED_AT_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    MONEY_FIELD_NUMBER: _ClassVar[int]
    STOCK_FIELD_NUMBER: _ClassVar[int]
    BREAKERS_FIELD_NUMBER: _ClassVar[int]
    UNSENT_EVENTS_FIELD_NUMBER: _ClassVar[int]
    UNSENT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    PARKED_EVENTS_FIELD_NUMBER: _ClassVar[int]
    INVARIANTS_FIELD_NUMBER: _ClassVar[int]
    measured_at: _timestamp_pb2.Timestamp
    counts: _containers.RepeatedCompositeFieldContainer[MeasureResponse.Count]
    money: _containers.RepeatedCompositeFieldContainer[MeasureResponse.Money]
    stock: _containers.RepeatedCompositeFieldContainer[MeasureResponse.Stock]
    breakers: _containers.RepeatedCompositeFieldContainer[MeasureResponse.Breaker]
    unsent_events: int
    unsent_seconds: float
    parked_events: int
    invariants: MeasureResponse.Invariants
    def __init__(self, measured_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., counts: _Optional[_Iterable[_Union[MeasureResponse.Count, _Mapping]]] = ..., money: _Optional[_Iterable[_Union[MeasureResponse.Money, _Mapping]]] = ..., stock: _Optional[_Iterable[_Union[MeasureResponse.Stock, _Mapping]]] = ..., breakers: _Optional[_Iterable[_Union[MeasureResponse.Breaker, _Mapping]]] = ..., unsent_events: _Optional[int] = ..., unsent_seconds: _Optional[float] = ..., parked_events: _Optional[int] = ..., invariants: _Optional[_Union[MeasureResponse.Invariants, _Mapping]] = ...) -> None: ...

class TellRequest(_message.Message):
    __slots__ = ("order_id", "event_ids", "user_ids")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_IDS_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    event_ids: _containers.RepeatedScalarFieldContainer[str]
    user_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, order_id: _Optional[str] = ..., event_ids: _Optional[_Iterable[str]] = ..., user_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class TellResponse(_message.Message):
    __slots__ = ("events", "postings", "claim", "deliveries")
    class Posting(_message.Message):
        __slots__ = ("transfer_id", "kind", "account", "currency", "amount", "at")
        TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
        KIND_FIELD_NUMBER: _ClassVar[int]
        ACCOUNT_FIELD_NUMBER: _ClassVar[int]
        CURRENCY_FIELD_NUMBER: _ClassVar[int]
        AMOUNT_FIELD_NUMBER: _ClassVar[int]
        AT_FIELD_NUMBER: _ClassVar[int]
        transfer_id: str
        kind: str
        account: str
        currency: str
        amount: str
        at: _timestamp_pb2.Timestamp
        def __init__(self, transfer_id: _Optional[str] = ..., kind: _Optional[str] = ..., account: _Optional[str] = ..., currency: _Optional[str] = ..., amount: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
    class Claim(_message.Message):
        __slots__ = ("id", "status", "recipient", "chain_id", "transaction_hash", "block_number", "failure")
        ID_FIELD_NUMBER: _ClassVar[int]
        STATUS_FIELD_NUMBER: _ClassVar[int]
        RECIPIENT_FIELD_NUMBER: _ClassVar[int]
        CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
        TRANSACTION_HASH_FIELD_NUMBER: _ClassVar[int]
        BLOCK_NUMBER_FIELD_NUMBER: _ClassVar[int]
        FAILURE_FIELD_NUMBER: _ClassVar[int]
        id: str
        status: str
        recipient: str
        chain_id: int
        transaction_hash: str
        block_number: int
        failure: str
        def __init__(self, id: _Optional[str] = ..., status: _Optional[str] = ..., recipient: _Optional[str] = ..., chain_id: _Optional[int] = ..., transaction_hash: _Optional[str] = ..., block_number: _Optional[int] = ..., failure: _Optional[str] = ...) -> None: ...
    class Delivery(_message.Message):
        __slots__ = ("webhook_id", "id", "event_id", "event_type", "status", "attempts", "response_status", "error", "created_at")
        WEBHOOK_ID_FIELD_NUMBER: _ClassVar[int]
        ID_FIELD_NUMBER: _ClassVar[int]
        EVENT_ID_FIELD_NUMBER: _ClassVar[int]
        EVENT_TYPE_FIELD_NUMBER: _ClassVar[int]
        STATUS_FIELD_NUMBER: _ClassVar[int]
        ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
        RESPONSE_STATUS_FIELD_NUMBER: _ClassVar[int]
        ERROR_FIELD_NUMBER: _ClassVar[int]
        CREATED_AT_FIELD_NUMBER: _ClassVar[int]
        webhook_id: str
        id: str
        event_id: str
        event_type: str
        status: str
        attempts: int
        response_status: int
        error: str
        created_at: _timestamp_pb2.Timestamp
        def __init__(self, webhook_id: _Optional[str] = ..., id: _Optional[str] = ..., event_id: _Optional[str] = ..., event_type: _Optional[str] = ..., status: _Optional[str] = ..., attempts: _Optional[int] = ..., response_status: _Optional[int] = ..., error: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    POSTINGS_FIELD_NUMBER: _ClassVar[int]
    CLAIM_FIELD_NUMBER: _ClassVar[int]
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedScalarFieldContainer[bytes]
    postings: _containers.RepeatedCompositeFieldContainer[TellResponse.Posting]
    claim: TellResponse.Claim
    deliveries: _containers.RepeatedCompositeFieldContainer[TellResponse.Delivery]
    def __init__(self, events: _Optional[_Iterable[bytes]] = ..., postings: _Optional[_Iterable[_Union[TellResponse.Posting, _Mapping]]] = ..., claim: _Optional[_Union[TellResponse.Claim, _Mapping]] = ..., deliveries: _Optional[_Iterable[_Union[TellResponse.Delivery, _Mapping]]] = ...) -> None: ...
