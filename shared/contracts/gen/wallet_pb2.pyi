import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OpenDefaultRequest(_message.Message):
    __slots__ = ("user_id", "address", "chain_id")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    address: str
    chain_id: int
    def __init__(self, user_id: _Optional[str] = ..., address: _Optional[str] = ..., chain_id: _Optional[int] = ...) -> None: ...

class OpenDefaultResponse(_message.Message):
    __slots__ = ("wallet_id",)
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    wallet_id: str
    def __init__(self, wallet_id: _Optional[str] = ...) -> None: ...

class DescribeRequest(_message.Message):
    __slots__ = ("wallet_ids", "default_of", "balances")
    WALLET_IDS_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_OF_FIELD_NUMBER: _ClassVar[int]
    BALANCES_FIELD_NUMBER: _ClassVar[int]
    wallet_ids: _containers.RepeatedScalarFieldContainer[str]
    default_of: _containers.RepeatedScalarFieldContainer[str]
    balances: bool
    def __init__(self, wallet_ids: _Optional[_Iterable[str]] = ..., default_of: _Optional[_Iterable[str]] = ..., balances: _Optional[bool] = ...) -> None: ...

class DescribeResponse(_message.Message):
    __slots__ = ("wallets",)
    class Balance(_message.Message):
        __slots__ = ("currency", "available")
        CURRENCY_FIELD_NUMBER: _ClassVar[int]
        AVAILABLE_FIELD_NUMBER: _ClassVar[int]
        currency: str
        available: str
        def __init__(self, currency: _Optional[str] = ..., available: _Optional[str] = ...) -> None: ...
    class Wallet(_message.Message):
        __slots__ = ("wallet_id", "user_id", "address", "open", "is_default", "balances", "chain_id")
        WALLET_ID_FIELD_NUMBER: _ClassVar[int]
        USER_ID_FIELD_NUMBER: _ClassVar[int]
        ADDRESS_FIELD_NUMBER: _ClassVar[int]
        OPEN_FIELD_NUMBER: _ClassVar[int]
        IS_DEFAULT_FIELD_NUMBER: _ClassVar[int]
        BALANCES_FIELD_NUMBER: _ClassVar[int]
        CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
        wallet_id: str
        user_id: str
        address: str
        open: bool
        is_default: bool
        balances: _containers.RepeatedCompositeFieldContainer[DescribeResponse.Balance]
        chain_id: int
        def __init__(self, wallet_id: _Optional[str] = ..., user_id: _Optional[str] = ..., address: _Optional[str] = ..., open: _Optional[bool] = ..., is_default: _Optional[bool] = ..., balances: _Optional[_Iterable[_Union[DescribeResponse.Balance, _Mapping]]] = ..., chain_id: _Optional[int] = ...) -> None: ...
    WALLETS_FIELD_NUMBER: _ClassVar[int]
    wallets: _containers.RepeatedCompositeFieldContainer[DescribeResponse.Wallet]
    def __init__(self, wallets: _Optional[_Iterable[_Union[DescribeResponse.Wallet, _Mapping]]] = ...) -> None: ...

class PlaceHoldRequest(_message.Message):
    __slots__ = ("holds",)
    class Hold(_message.Message):
        __slots__ = ("hold_id", "order_id", "wallet_id", "currency", "amount", "expires_at", "payout_wallet_ids")
        HOLD_ID_FIELD_NUMBER: _ClassVar[int]
        ORDER_ID_FIELD_NUMBER: _ClassVar[int]
        WALLET_ID_FIELD_NUMBER: _ClassVar[int]
        CURRENCY_FIELD_NUMBER: _ClassVar[int]
        AMOUNT_FIELD_NUMBER: _ClassVar[int]
        EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
        PAYOUT_WALLET_IDS_FIELD_NUMBER: _ClassVar[int]
        hold_id: str
        order_id: str
        wallet_id: str
        currency: str
        amount: str
        expires_at: _timestamp_pb2.Timestamp
        payout_wallet_ids: _containers.RepeatedScalarFieldContainer[str]
        def __init__(self, hold_id: _Optional[str] = ..., order_id: _Optional[str] = ..., wallet_id: _Optional[str] = ..., currency: _Optional[str] = ..., amount: _Optional[str] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., payout_wallet_ids: _Optional[_Iterable[str]] = ...) -> None: ...
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    holds: _containers.RepeatedCompositeFieldContainer[PlaceHoldRequest.Hold]
    def __init__(self, holds: _Optional[_Iterable[_Union[PlaceHoldRequest.Hold, _Mapping]]] = ...) -> None: ...

class PlaceHoldResponse(_message.Message):
    __slots__ = ("outcomes",)
    class Outcome(_message.Message):
        __slots__ = ("hold_id", "refusal", "detail")
        HOLD_ID_FIELD_NUMBER: _ClassVar[int]
        REFUSAL_FIELD_NUMBER: _ClassVar[int]
        DETAIL_FIELD_NUMBER: _ClassVar[int]
        hold_id: str
        refusal: str
        detail: str
        def __init__(self, hold_id: _Optional[str] = ..., refusal: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[PlaceHoldResponse.Outcome]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[PlaceHoldResponse.Outcome, _Mapping]]] = ...) -> None: ...

class ReleaseHoldRequest(_message.Message):
    __slots__ = ("releases",)
    class Release(_message.Message):
        __slots__ = ("hold_id", "order_id", "reason")
        HOLD_ID_FIELD_NUMBER: _ClassVar[int]
        ORDER_ID_FIELD_NUMBER: _ClassVar[int]
        REASON_FIELD_NUMBER: _ClassVar[int]
        hold_id: str
        order_id: str
        reason: str
        def __init__(self, hold_id: _Optional[str] = ..., order_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...
    RELEASES_FIELD_NUMBER: _ClassVar[int]
    releases: _containers.RepeatedCompositeFieldContainer[ReleaseHoldRequest.Release]
    def __init__(self, releases: _Optional[_Iterable[_Union[ReleaseHoldRequest.Release, _Mapping]]] = ...) -> None: ...

class ReleaseHoldResponse(_message.Message):
    __slots__ = ("outcomes",)
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[ReleaseHoldResponse.State]
        STATE_RELEASED: _ClassVar[ReleaseHoldResponse.State]
        STATE_CAPTURED: _ClassVar[ReleaseHoldResponse.State]
    STATE_UNSPECIFIED: ReleaseHoldResponse.State
    STATE_RELEASED: ReleaseHoldResponse.State
    STATE_CAPTURED: ReleaseHoldResponse.State
    class Outcome(_message.Message):
        __slots__ = ("hold_id", "state")
        HOLD_ID_FIELD_NUMBER: _ClassVar[int]
        STATE_FIELD_NUMBER: _ClassVar[int]
        hold_id: str
        state: ReleaseHoldResponse.State
        def __init__(self, hold_id: _Optional[str] = ..., state: _Optional[_Union[ReleaseHoldResponse.State, str]] = ...) -> None: ...
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[ReleaseHoldResponse.Outcome]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[ReleaseHoldResponse.Outcome, _Mapping]]] = ...) -> None: ...

class RefundRequest(_message.Message):
    __slots__ = ("order_id", "wallet_id")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    wallet_id: str
    def __init__(self, order_id: _Optional[str] = ..., wallet_id: _Optional[str] = ...) -> None: ...

class RefundResponse(_message.Message):
    __slots__ = ("state",)
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[RefundResponse.State]
        STATE_REFUNDED: _ClassVar[RefundResponse.State]
        STATE_SETTLED: _ClassVar[RefundResponse.State]
    STATE_UNSPECIFIED: RefundResponse.State
    STATE_REFUNDED: RefundResponse.State
    STATE_SETTLED: RefundResponse.State
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: RefundResponse.State
    def __init__(self, state: _Optional[_Union[RefundResponse.State, str]] = ...) -> None: ...

class ReferPayoutRequest(_message.Message):
    __slots__ = ("supply_id", "user_id", "wallet_id")
    SUPPLY_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    supply_id: str
    user_id: str
    wallet_id: str
    def __init__(self, supply_id: _Optional[str] = ..., user_id: _Optional[str] = ..., wallet_id: _Optional[str] = ...) -> None: ...

class ReferPayoutResponse(_message.Message):
    __slots__ = ("wallet_id",)
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    wallet_id: str
    def __init__(self, wallet_id: _Optional[str] = ...) -> None: ...

class AuditCustodyRequest(_message.Message):
    __slots__ = ("at",)
    AT_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    def __init__(self, at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AuditCustodyResponse(_message.Message):
    __slots__ = ("checked", "unchecked", "violations")
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
    UNCHECKED_FIELD_NUMBER: _ClassVar[int]
    VIOLATIONS_FIELD_NUMBER: _ClassVar[int]
    checked: _containers.RepeatedScalarFieldContainer[str]
    unchecked: _containers.RepeatedScalarFieldContainer[str]
    violations: _containers.RepeatedCompositeFieldContainer[AuditCustodyResponse.Violation]
    def __init__(self, checked: _Optional[_Iterable[str]] = ..., unchecked: _Optional[_Iterable[str]] = ..., violations: _Optional[_Iterable[_Union[AuditCustodyResponse.Violation, _Mapping]]] = ...) -> None: ...

class SumTransitsRequest(_message.Message):
    __slots__ = ("receiver", "through")
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    THROUGH_FIELD_NUMBER: _ClassVar[int]
    receiver: str
    through: int
    def __init__(self, receiver: _Optional[str] = ..., through: _Optional[int] = ...) -> None: ...

class SumTransitsResponse(_message.Message):
    __slots__ = ("movements", "digest")
    MOVEMENTS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    movements: int
    digest: str
    def __init__(self, movements: _Optional[int] = ..., digest: _Optional[str] = ...) -> None: ...

class AuditTransitsRequest(_message.Message):
    __slots__ = ("at",)
    AT_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    def __init__(self, at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AuditTransitsResponse(_message.Message):
    __slots__ = ("checked", "unchecked", "violations")
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
    UNCHECKED_FIELD_NUMBER: _ClassVar[int]
    VIOLATIONS_FIELD_NUMBER: _ClassVar[int]
    checked: _containers.RepeatedScalarFieldContainer[str]
    unchecked: _containers.RepeatedScalarFieldContainer[str]
    violations: _containers.RepeatedCompositeFieldContainer[AuditTransitsResponse.Violation]
    def __init__(self, checked: _Optional[_Iterable[str]] = ..., unchecked: _Optional[_Iterable[str]] = ..., violations: _Optional[_Iterable[_Union[AuditTransitsResponse.Violation, _Mapping]]] = ...) -> None: ...

class ClaimDepositsRequest(_message.Message):
    __slots__ = ("deposits",)
    class Deposit(_message.Message):
        __slots__ = ("transaction_hash", "position", "block_number", "block_hash", "wallet_key", "currency", "amount")
        TRANSACTION_HASH_FIELD_NUMBER: _ClassVar[int]
        POSITION_FIELD_NUMBER: _ClassVar[int]
        BLOCK_NUMBER_FIELD_NUMBER: _ClassVar[int]
        BLOCK_HASH_FIELD_NUMBER: _ClassVar[int]
        WALLET_KEY_FIELD_NUMBER: _ClassVar[int]
        CURRENCY_FIELD_NUMBER: _ClassVar[int]
        AMOUNT_FIELD_NUMBER: _ClassVar[int]
        transaction_hash: str
        position: int
        block_number: int
        block_hash: str
        wallet_key: bytes
        currency: str
        amount: str
        def __init__(self, transaction_hash: _Optional[str] = ..., position: _Optional[int] = ..., block_number: _Optional[int] = ..., block_hash: _Optional[str] = ..., wallet_key: _Optional[bytes] = ..., currency: _Optional[str] = ..., amount: _Optional[str] = ...) -> None: ...
    DEPOSITS_FIELD_NUMBER: _ClassVar[int]
    deposits: _containers.RepeatedCompositeFieldContainer[ClaimDepositsRequest.Deposit]
    def __init__(self, deposits: _Optional[_Iterable[_Union[ClaimDepositsRequest.Deposit, _Mapping]]] = ...) -> None: ...

class ClaimDepositsResponse(_message.Message):
    __slots__ = ("claimed",)
    CLAIMED_FIELD_NUMBER: _ClassVar[int]
    claimed: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, claimed: _Optional[_Iterable[int]] = ...) -> None: ...

class TellCustodyRequest(_message.Message):
    __slots__ = ("number", "at", "after")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    number: int
    at: _timestamp_pb2.Timestamp
    after: str
    def __init__(self, number: _Optional[int] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., after: _Optional[str] = ...) -> None: ...

class TellCustodyResponse(_message.Message):
    __slots__ = ("reached", "booked", "beyond", "balances", "withdrawals", "more")
    class Sum(_message.Message):
        __slots__ = ("currency", "amount")
        CURRENCY_FIELD_NUMBER: _ClassVar[int]
        AMOUNT_FIELD_NUMBER: _ClassVar[int]
        currency: str
        amount: str
        def __init__(self, currency: _Optional[str] = ..., amount: _Optional[str] = ...) -> None: ...
    class Balance(_message.Message):
        __slots__ = ("holder", "currency", "amount")
        HOLDER_FIELD_NUMBER: _ClassVar[int]
        CURRENCY_FIELD_NUMBER: _ClassVar[int]
        AMOUNT_FIELD_NUMBER: _ClassVar[int]
        holder: str
        currency: str
        amount: str
        def __init__(self, holder: _Optional[str] = ..., currency: _Optional[str] = ..., amount: _Optional[str] = ...) -> None: ...
    class Withdrawal(_message.Message):
        __slots__ = ("id", "status", "currency", "amount", "debited")
        ID_FIELD_NUMBER: _ClassVar[int]
        STATUS_FIELD_NUMBER: _ClassVar[int]
        CURRENCY_FIELD_NUMBER: _ClassVar[int]
        AMOUNT_FIELD_NUMBER: _ClassVar[int]
        DEBITED_FIELD_NUMBER: _ClassVar[int]
        id: str
        status: str
        currency: str
        amount: str
        debited: bool
        def __init__(self, id: _Optional[str] = ..., status: _Optional[str] = ..., currency: _Optional[str] = ..., amount: _Optional[str] = ..., debited: _Optional[bool] = ...) -> None: ...
    REACHED_FIELD_NUMBER: _ClassVar[int]
    BOOKED_FIELD_NUMBER: _ClassVar[int]
    BEYOND_FIELD_NUMBER: _ClassVar[int]
    BALANCES_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWALS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    reached: int
    booked: _containers.RepeatedCompositeFieldContainer[TellCustodyResponse.Sum]
    beyond: _containers.RepeatedCompositeFieldContainer[TellCustodyResponse.Sum]
    balances: _containers.RepeatedCompositeFieldContainer[TellCustodyResponse.Balance]
    withdrawals: _containers.RepeatedCompositeFieldContainer[TellCustodyResponse.Withdrawal]
    more: bool
    def __init__(self, reached: _Optional[int] = ..., booked: _Optional[_Iterable[_Union[TellCustodyResponse.Sum, _Mapping]]] = ..., beyond: _Optional[_Iterable[_Union[TellCustodyResponse.Sum, _Mapping]]] = ..., balances: _Optional[_Iterable[_Union[TellCustodyResponse.Balance, _Mapping]]] = ..., withdrawals: _Optional[_Iterable[_Union[TellCustodyResponse.Withdrawal, _Mapping]]] = ..., more: _Optional[bool] = ...) -> None: ...
