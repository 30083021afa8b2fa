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
        __slots__ = ("order_id", "refusal", "detail")
        ORDER_ID_FIELD_NUMBER: _ClassVar[int]
        REFUSAL_FIELD_NUMBER: _ClassVar[int]
        DETAIL_FIELD_NUMBER: _ClassVar[int]
        order_id: str
        refusal: str
        detail: str
        def __init__(self, order_id: _Optional[str] = ..., refusal: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...
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
