import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DescribeRequest(_message.Message):
    __slots__ = ("supply_ids", "user_id", "address", "proofs", "buyers")
    class Buyer(_message.Message):
        __slots__ = ("supply_ids", "user_id", "address", "proofs")
        SUPPLY_IDS_FIELD_NUMBER: _ClassVar[int]
        USER_ID_FIELD_NUMBER: _ClassVar[int]
        ADDRESS_FIELD_NUMBER: _ClassVar[int]
        PROOFS_FIELD_NUMBER: _ClassVar[int]
        supply_ids: _containers.RepeatedScalarFieldContainer[str]
        user_id: str
        address: str
        proofs: _containers.RepeatedCompositeFieldContainer[Proof]
        def __init__(self, supply_ids: _Optional[_Iterable[str]] = ..., user_id: _Optional[str] = ..., address: _Optional[str] = ..., proofs: _Optional[_Iterable[_Union[Proof, _Mapping]]] = ...) -> None: ...
    SUPPLY_IDS_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PROOFS_FIELD_NUMBER: _ClassVar[int]
    BUYERS_FIELD_NUMBER: _ClassVar[int]
    supply_ids: _containers.RepeatedScalarFieldContainer[str]
    user_id: str
    address: str
    proofs: _containers.RepeatedCompositeFieldContainer[Proof]
    buyers: _containers.RepeatedCompositeFieldContainer[DescribeRequest.Buyer]
    def __init__(self, supply_ids: _Optional[_Iterable[str]] = ..., user_id: _Optional[str] = ..., address: _Optional[str] = ..., proofs: _Optional[_Iterable[_Union[Proof, _Mapping]]] = ..., buyers: _Optional[_Iterable[_Union[DescribeRequest.Buyer, _Mapping]]] = ...) -> None: ...

class Proof(_message.Message):
    __slots__ = ("supply_id", "hashes", "overrides", "per_user_limit", "unit_price")
    SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
    HASHES_FIELD_NUMBER: _ClassVar[int]
    OVERRIDES_FIELD_NUMBER: _ClassVar[int]
    PER_USER_LIMIT_FIELD_NUMBER: _ClassVar[int]
    UNIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    supply_id: str
    hashes: _containers.RepeatedScalarFieldContainer[bytes]
    overrides: bool
    per_user_limit: str
    unit_price: str
    def __init__(self, supply_id: _Optional[str] = ..., hashes: _Optional[_Iterable[bytes]] = ..., overrides: _Optional[bool] = ..., per_user_limit: _Optional[str] = ..., unit_price: _Optional[str] = ...) -> None: ...

class CheckRequest(_message.Message):
    __slots__ = ("user_id", "address", "lines", "proofs")
    class Line(_message.Message):
        __slots__ = ("supply_id", "quantity")
        SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
        QUANTITY_FIELD_NUMBER: _ClassVar[int]
        supply_id: str
        quantity: int
        def __init__(self, supply_id: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    PROOFS_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    address: str
    lines: _containers.RepeatedCompositeFieldContainer[CheckRequest.Line]
    proofs: _containers.RepeatedCompositeFieldContainer[Proof]
    def __init__(self, user_id: _Optional[str] = ..., address: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[CheckRequest.Line, _Mapping]]] = ..., proofs: _Optional[_Iterable[_Union[Proof, _Mapping]]] = ...) -> None: ...

class CheckResponse(_message.Message):
    __slots__ = ("outcomes",)
    class Outcome(_message.Message):
        __slots__ = ("supply_id", "reasons", "unit_price", "limit_remaining", "phase")
        SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
        REASONS_FIELD_NUMBER: _ClassVar[int]
        UNIT_PRICE_FIELD_NUMBER: _ClassVar[int]
        LIMIT_REMAINING_FIELD_NUMBER: _ClassVar[int]
        PHASE_FIELD_NUMBER: _ClassVar[int]
        supply_id: str
        reasons: _containers.RepeatedScalarFieldContainer[str]
        unit_price: str
        limit_remaining: int
        phase: str
        def __init__(self, supply_id: _Optional[str] = ..., reasons: _Optional[_Iterable[str]] = ..., unit_price: _Optional[str] = ..., limit_remaining: _Optional[int] = ..., phase: _Optional[str] = ...) -> None: ...
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[CheckResponse.Outcome]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[CheckResponse.Outcome, _Mapping]]] = ...) -> None: ...

class DescribeResponse(_message.Message):
    __slots__ = ("supplies", "outcomes")
    class Terms(_message.Message):
        __slots__ = ("supply_id", "merchant_id", "payout_wallet_id", "title", "currency", "unit_price", "asset", "phase", "listed", "limit")
        SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
        MERCHANT_ID_FIELD_NUMBER: _ClassVar[int]
        PAYOUT_WALLET_ID_FIELD_NUMBER: _ClassVar[int]
        TITLE_FIELD_NUMBER: _ClassVar[int]
        CURRENCY_FIELD_NUMBER: _ClassVar[int]
        UNIT_PRICE_FIELD_NUMBER: _ClassVar[int]
        ASSET_FIELD_NUMBER: _ClassVar[int]
        PHASE_FIELD_NUMBER: _ClassVar[int]
        LISTED_FIELD_NUMBER: _ClassVar[int]
        LIMIT_FIELD_NUMBER: _ClassVar[int]
        supply_id: str
        merchant_id: str
        payout_wallet_id: str
        title: str
        currency: str
        unit_price: str
        asset: Asset
        phase: str
        listed: bool
        limit: int
        def __init__(self, supply_id: _Optional[str] = ..., merchant_id: _Optional[str] = ..., payout_wallet_id: _Optional[str] = ..., title: _Optional[str] = ..., currency: _Optional[str] = ..., unit_price: _Optional[str] = ..., asset: _Optional[_Union[Asset, _Mapping]] = ..., phase: _Optional[str] = ..., listed: _Optional[bool] = ..., limit: _Optional[int] = ...) -> None: ...
    class Outcome(_message.Message):
        __slots__ = ("supplies",)
        SUPPLIES_FIELD_NUMBER: _ClassVar[int]
        supplies: _containers.RepeatedCompositeFieldContainer[DescribeResponse.Terms]
        def __init__(self, supplies: _Optional[_Iterable[_Union[DescribeResponse.Terms, _Mapping]]] = ...) -> None: ...
    SUPPLIES_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    supplies: _containers.RepeatedCompositeFieldContainer[DescribeResponse.Terms]
    outcomes: _containers.RepeatedCompositeFieldContainer[DescribeResponse.Outcome]
    def __init__(self, supplies: _Optional[_Iterable[_Union[DescribeResponse.Terms, _Mapping]]] = ..., outcomes: _Optional[_Iterable[_Union[DescribeResponse.Outcome, _Mapping]]] = ...) -> None: ...

class Asset(_message.Message):
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

class ReserveRequest(_message.Message):
    __slots__ = ("orders",)
    class Line(_message.Message):
        __slots__ = ("reservation_id", "supply_id", "quantity", "unit_price", "phase", "listed", "limit")
        RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
        SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
        QUANTITY_FIELD_NUMBER: _ClassVar[int]
        UNIT_PRICE_FIELD_NUMBER: _ClassVar[int]
        PHASE_FIELD_NUMBER: _ClassVar[int]
        LISTED_FIELD_NUMBER: _ClassVar[int]
        LIMIT_FIELD_NUMBER: _ClassVar[int]
        reservation_id: str
        supply_id: str
        quantity: int
        unit_price: str
        phase: str
        listed: bool
        limit: int
        def __init__(self, reservation_id: _Optional[str] = ..., supply_id: _Optional[str] = ..., quantity: _Optional[int] = ..., unit_price: _Optional[str] = ..., phase: _Optional[str] = ..., listed: _Optional[bool] = ..., limit: _Optional[int] = ...) -> None: ...
    class Order(_message.Message):
        __slots__ = ("order_id", "user_id", "lines", "expires_at")
        ORDER_ID_FIELD_NUMBER: _ClassVar[int]
        USER_ID_FIELD_NUMBER: _ClassVar[int]
        LINES_FIELD_NUMBER: _ClassVar[int]
        EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
        order_id: str
        user_id: str
        lines: _containers.RepeatedCompositeFieldContainer[ReserveRequest.Line]
        expires_at: _timestamp_pb2.Timestamp
        def __init__(self, order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[ReserveRequest.Line, _Mapping]]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[ReserveRequest.Order]
    def __init__(self, orders: _Optional[_Iterable[_Union[ReserveRequest.Order, _Mapping]]] = ...) -> None: ...

class ReserveResponse(_message.Message):
    __slots__ = ("outcomes",)
    class Outcome(_message.Message):
        __slots__ = ("order_id", "refusal", "detail", "short")
        ORDER_ID_FIELD_NUMBER: _ClassVar[int]
        REFUSAL_FIELD_NUMBER: _ClassVar[int]
        DETAIL_FIELD_NUMBER: _ClassVar[int]
        SHORT_FIELD_NUMBER: _ClassVar[int]
        order_id: str
        refusal: str
        detail: str
        short: bool
        def __init__(self, order_id: _Optional[str] = ..., refusal: _Optional[str] = ..., detail: _Optional[str] = ..., short: _Optional[bool] = ...) -> None: ...
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[ReserveResponse.Outcome]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[ReserveResponse.Outcome, _Mapping]]] = ...) -> None: ...

class ReleaseStockRequest(_message.Message):
    __slots__ = ("releases",)
    class Release(_message.Message):
        __slots__ = ("order_id", "lines", "user_id", "reason")
        ORDER_ID_FIELD_NUMBER: _ClassVar[int]
        LINES_FIELD_NUMBER: _ClassVar[int]
        USER_ID_FIELD_NUMBER: _ClassVar[int]
        REASON_FIELD_NUMBER: _ClassVar[int]
        order_id: str
        lines: _containers.RepeatedCompositeFieldContainer[ReserveRequest.Line]
        user_id: str
        reason: str
        def __init__(self, order_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[ReserveRequest.Line, _Mapping]]] = ..., user_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...
    RELEASES_FIELD_NUMBER: _ClassVar[int]
    releases: _containers.RepeatedCompositeFieldContainer[ReleaseStockRequest.Release]
    def __init__(self, releases: _Optional[_Iterable[_Union[ReleaseStockRequest.Release, _Mapping]]] = ...) -> None: ...

class ReleaseStockResponse(_message.Message):
    __slots__ = ("outcomes",)
    class Outcome(_message.Message):
        __slots__ = ("order_id", "released")
        ORDER_ID_FIELD_NUMBER: _ClassVar[int]
        RELEASED_FIELD_NUMBER: _ClassVar[int]
        order_id: str
        released: bool
        def __init__(self, order_id: _Optional[str] = ..., released: _Optional[bool] = ...) -> None: ...
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[ReleaseStockResponse.Outcome]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[ReleaseStockResponse.Outcome, _Mapping]]] = ...) -> None: ...

class Payout(_message.Message):
    __slots__ = ("supply_id", "wallet_id")
    SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    supply_id: str
    wallet_id: str
    def __init__(self, supply_id: _Optional[str] = ..., wallet_id: _Optional[str] = ...) -> None: ...

class DecidePayoutsRequest(_message.Message):
    __slots__ = ("payouts",)
    PAYOUTS_FIELD_NUMBER: _ClassVar[int]
    payouts: _containers.RepeatedCompositeFieldContainer[Payout]
    def __init__(self, payouts: _Optional[_Iterable[_Union[Payout, _Mapping]]] = ...) -> None: ...

class DecidePayoutsResponse(_message.Message):
    __slots__ = ("ended",)
    ENDED_FIELD_NUMBER: _ClassVar[int]
    ended: _containers.RepeatedCompositeFieldContainer[Payout]
    def __init__(self, ended: _Optional[_Iterable[_Union[Payout, _Mapping]]] = ...) -> None: ...

class RequestUnitsRequest(_message.Message):
    __slots__ = ("order_id", "lines")
    class Line(_message.Message):
        __slots__ = ("supply_id", "quantity")
        SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
        QUANTITY_FIELD_NUMBER: _ClassVar[int]
        supply_id: str
        quantity: int
        def __init__(self, supply_id: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    lines: _containers.RepeatedCompositeFieldContainer[RequestUnitsRequest.Line]
    def __init__(self, order_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[RequestUnitsRequest.Line, _Mapping]]] = ...) -> None: ...

class RequestUnitsResponse(_message.Message):
    __slots__ = ("ready",)
    READY_FIELD_NUMBER: _ClassVar[int]
    ready: bool
    def __init__(self, ready: _Optional[bool] = ...) -> None: ...

class GrantUnitsRequest(_message.Message):
    __slots__ = ("ask", "supply_id", "asker", "units", "phase", "rights", "received")
    ASK_FIELD_NUMBER: _ClassVar[int]
    SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
    ASKER_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    RIGHTS_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    ask: int
    supply_id: str
    asker: str
    units: int
    phase: str
    rights: int
    received: int
    def __init__(self, ask: _Optional[int] = ..., supply_id: _Optional[str] = ..., asker: _Optional[str] = ..., units: _Optional[int] = ..., phase: _Optional[str] = ..., rights: _Optional[int] = ..., received: _Optional[int] = ...) -> None: ...

class GrantUnitsResponse(_message.Message):
    __slots__ = ("grants",)
    GRANTS_FIELD_NUMBER: _ClassVar[int]
    grants: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, grants: _Optional[_Iterable[bytes]] = ...) -> None: ...

class CloseQuotaRequest(_message.Message):
    __slots__ = ("supply_id", "version", "received")
    SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    supply_id: str
    version: int
    received: int
    def __init__(self, supply_id: _Optional[str] = ..., version: _Optional[int] = ..., received: _Optional[int] = ...) -> None: ...

class CloseQuotaResponse(_message.Message):
    __slots__ = ("closed", "grants")
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    GRANTS_FIELD_NUMBER: _ClassVar[int]
    closed: bool
    grants: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, closed: _Optional[bool] = ..., grants: _Optional[_Iterable[bytes]] = ...) -> None: ...

class SumGrantsRequest(_message.Message):
    __slots__ = ("receiver", "streams")
    class Stream(_message.Message):
        __slots__ = ("supply_id", "version")
        SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
        VERSION_FIELD_NUMBER: _ClassVar[int]
        supply_id: str
        version: int
        def __init__(self, supply_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    receiver: str
    streams: _containers.RepeatedCompositeFieldContainer[SumGrantsRequest.Stream]
    def __init__(self, receiver: _Optional[str] = ..., streams: _Optional[_Iterable[_Union[SumGrantsRequest.Stream, _Mapping]]] = ...) -> None: ...

class SumGrantsResponse(_message.Message):
    __slots__ = ("sums",)
    class Sum(_message.Message):
        __slots__ = ("supply_id", "version", "units", "rights")
        class RightsEntry(_message.Message):
            __slots__ = ("key", "value")
            KEY_FIELD_NUMBER: _ClassVar[int]
            VALUE_FIELD_NUMBER: _ClassVar[int]
            key: str
            value: int
            def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
        SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
        VERSION_FIELD_NUMBER: _ClassVar[int]
        UNITS_FIELD_NUMBER: _ClassVar[int]
        RIGHTS_FIELD_NUMBER: _ClassVar[int]
        supply_id: str
        version: int
        units: int
        rights: _containers.ScalarMap[str, int]
        def __init__(self, supply_id: _Optional[str] = ..., version: _Optional[int] = ..., units: _Optional[int] = ..., rights: _Optional[_Mapping[str, int]] = ...) -> None: ...
    SUMS_FIELD_NUMBER: _ClassVar[int]
    sums: _containers.RepeatedCompositeFieldContainer[SumGrantsResponse.Sum]
    def __init__(self, sums: _Optional[_Iterable[_Union[SumGrantsResponse.Sum, _Mapping]]] = ...) -> None: ...

class AuditQuotasRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AuditQuotasResponse(_message.Message):
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
    violations: _containers.RepeatedCompositeFieldContainer[AuditQuotasResponse.Violation]
    unchecked: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, checked: _Optional[_Iterable[str]] = ..., violations: _Optional[_Iterable[_Union[AuditQuotasResponse.Violation, _Mapping]]] = ..., unchecked: _Optional[_Iterable[str]] = ...) -> None: ...
