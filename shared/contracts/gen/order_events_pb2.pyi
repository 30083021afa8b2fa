import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Item(_message.Message):
    __slots__ = ("item_id", "supply_id", "title", "unit_price", "quantity", "chain_id", "contract", "token_id", "standard", "payout_wallet_id", "phase", "listed", "limit")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    UNIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    STANDARD_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    LISTED_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    supply_id: str
    title: str
    unit_price: str
    quantity: int
    chain_id: int
    contract: str
    token_id: str
    standard: str
    payout_wallet_id: str
    phase: str
    listed: bool
    limit: int
    def __init__(self, item_id: _Optional[str] = ..., supply_id: _Optional[str] = ..., title: _Optional[str] = ..., unit_price: _Optional[str] = ..., quantity: _Optional[int] = ..., chain_id: _Optional[int] = ..., contract: _Optional[str] = ..., token_id: _Optional[str] = ..., standard: _Optional[str] = ..., payout_wallet_id: _Optional[str] = ..., phase: _Optional[str] = ..., listed: _Optional[bool] = ..., limit: _Optional[int] = ...) -> None: ...

class Payout(_message.Message):
    __slots__ = ("wallet_id", "amount")
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    wallet_id: str
    amount: str
    def __init__(self, wallet_id: _Optional[str] = ..., amount: _Optional[str] = ...) -> None: ...

class OrderPlaced(_message.Message):
    __slots__ = ("order_id", "user_id", "wallet_id", "address", "merchant_id", "currency", "total", "fee_bps", "items", "expires_at")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    MERCHANT_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    FEE_BPS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    user_id: str
    wallet_id: str
    address: str
    merchant_id: str
    currency: str
    total: str
    fee_bps: int
    items: _containers.RepeatedCompositeFieldContainer[Item]
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., wallet_id: _Optional[str] = ..., address: _Optional[str] = ..., merchant_id: _Optional[str] = ..., currency: _Optional[str] = ..., total: _Optional[str] = ..., fee_bps: _Optional[int] = ..., items: _Optional[_Iterable[_Union[Item, _Mapping]]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class OrderConfirmed(_message.Message):
    __slots__ = ("order_id", "user_id", "merchant_id", "wallet_id", "currency", "total", "hold_id")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    MERCHANT_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    HOLD_ID_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    user_id: str
    merchant_id: str
    wallet_id: str
    currency: str
    total: str
    hold_id: str
    def __init__(self, order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., merchant_id: _Optional[str] = ..., wallet_id: _Optional[str] = ..., currency: _Optional[str] = ..., total: _Optional[str] = ..., hold_id: _Optional[str] = ...) -> None: ...

class OrderPaid(_message.Message):
    __slots__ = ("order_id", "user_id", "merchant_id", "wallet_id", "address", "currency", "total", "items")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    MERCHANT_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    user_id: str
    merchant_id: str
    wallet_id: str
    address: str
    currency: str
    total: str
    items: _containers.RepeatedCompositeFieldContainer[Item]
    def __init__(self, order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., merchant_id: _Optional[str] = ..., wallet_id: _Optional[str] = ..., address: _Optional[str] = ..., currency: _Optional[str] = ..., total: _Optional[str] = ..., items: _Optional[_Iterable[_Union[Item, _Mapping]]] = ...) -> None: ...

class OrderFailed(_message.Message):
    __slots__ = ("order_id", "user_id", "merchant_id", "code", "detail", "hold_id", "items")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    MERCHANT_ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    HOLD_ID_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    user_id: str
    merchant_id: str
    code: str
    detail: str
    hold_id: str
    items: _containers.RepeatedCompositeFieldContainer[Item]
    def __init__(self, order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., merchant_id: _Optional[str] = ..., code: _Optional[str] = ..., detail: _Optional[str] = ..., hold_id: _Optional[str] = ..., items: _Optional[_Iterable[_Union[Item, _Mapping]]] = ...) -> None: ...

class OrderCancelled(_message.Message):
    __slots__ = ("order_id", "user_id", "merchant_id", "hold_id", "items")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    MERCHANT_ID_FIELD_NUMBER: _ClassVar[int]
    HOLD_ID_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    user_id: str
    merchant_id: str
    hold_id: str
    items: _containers.RepeatedCompositeFieldContainer[Item]
    def __init__(self, order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., merchant_id: _Optional[str] = ..., hold_id: _Optional[str] = ..., items: _Optional[_Iterable[_Union[Item, _Mapping]]] = ...) -> None: ...

class OrderExpired(_message.Message):
    __slots__ = ("order_id", "user_id", "merchant_id", "hold_id", "items")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    MERCHANT_ID_FIELD_NUMBER: _ClassVar[int]
    HOLD_ID_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    user_id: str
    merchant_id: str
    hold_id: str
    items: _containers.RepeatedCompositeFieldContainer[Item]
    def __init__(self, order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., merchant_id: _Optional[str] = ..., hold_id: _Optional[str] = ..., items: _Optional[_Iterable[_Union[Item, _Mapping]]] = ...) -> None: ...

class OrderClaimed(_message.Message):
    __slots__ = ("order_id", "user_id", "merchant_id", "claim_id", "currency", "total", "payouts", "fee_bps")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    MERCHANT_ID_FIELD_NUMBER: _ClassVar[int]
    CLAIM_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    PAYOUTS_FIELD_NUMBER: _ClassVar[int]
    FEE_BPS_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    user_id: str
    merchant_id: str
    claim_id: str
    currency: str
    total: str
    payouts: _containers.RepeatedCompositeFieldContainer[Payout]
    fee_bps: int
    def __init__(self, order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., merchant_id: _Optional[str] = ..., claim_id: _Optional[str] = ..., currency: _Optional[str] = ..., total: _Optional[str] = ..., payouts: _Optional[_Iterable[_Union[Payout, _Mapping]]] = ..., fee_bps: _Optional[int] = ...) -> None: ...

class OrderRefundRequested(_message.Message):
    __slots__ = ("order_id", "user_id", "merchant_id", "requested_by", "reason", "restock")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    MERCHANT_ID_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RESTOCK_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    user_id: str
    merchant_id: str
    requested_by: str
    reason: str
    restock: bool
    def __init__(self, order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., merchant_id: _Optional[str] = ..., requested_by: _Optional[str] = ..., reason: _Optional[str] = ..., restock: _Optional[bool] = ...) -> None: ...

class OrderRefundRefused(_message.Message):
    __slots__ = ("order_id", "user_id", "merchant_id", "code")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    MERCHANT_ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    user_id: str
    merchant_id: str
    code: str
    def __init__(self, order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., merchant_id: _Optional[str] = ..., code: _Optional[str] = ...) -> None: ...

class OrderRefunded(_message.Message):
    __slots__ = ("order_id", "user_id", "merchant_id", "wallet_id", "currency", "total", "restock", "items")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    MERCHANT_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    RESTOCK_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    user_id: str
    merchant_id: str
    wallet_id: str
    currency: str
    total: str
    restock: bool
    items: _containers.RepeatedCompositeFieldContainer[Item]
    def __init__(self, order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., merchant_id: _Optional[str] = ..., wallet_id: _Optional[str] = ..., currency: _Optional[str] = ..., total: _Optional[str] = ..., restock: _Optional[bool] = ..., items: _Optional[_Iterable[_Union[Item, _Mapping]]] = ...) -> None: ...

class OrderMatured(_message.Message):
    __slots__ = ("order_id", "user_id", "merchant_id", "currency", "total", "payouts", "fee_bps")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    MERCHANT_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    PAYOUTS_FIELD_NUMBER: _ClassVar[int]
    FEE_BPS_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    user_id: str
    merchant_id: str
    currency: str
    total: str
    payouts: _containers.RepeatedCompositeFieldContainer[Payout]
    fee_bps: int
    def __init__(self, order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., merchant_id: _Optional[str] = ..., currency: _Optional[str] = ..., total: _Optional[str] = ..., payouts: _Optional[_Iterable[_Union[Payout, _Mapping]]] = ..., fee_bps: _Optional[int] = ...) -> None: ...

class OrderCompleted(_message.Message):
    __slots__ = ("order_id", "user_id", "merchant_id", "claim_id")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    MERCHANT_ID_FIELD_NUMBER: _ClassVar[int]
    CLAIM_ID_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    user_id: str
    merchant_id: str
    claim_id: str
    def __init__(self, order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., merchant_id: _Optional[str] = ..., claim_id: _Optional[str] = ...) -> None: ...
