import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WalletOpened(_message.Message):
    __slots__ = ("wallet_id", "user_id", "address", "chain_id")
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    wallet_id: str
    user_id: str
    address: str
    chain_id: int
    def __init__(self, wallet_id: _Optional[str] = ..., user_id: _Optional[str] = ..., address: _Optional[str] = ..., chain_id: _Optional[int] = ...) -> None: ...

class WalletLinked(_message.Message):
    __slots__ = ("wallet_id", "user_id", "address", "chain_id")
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    wallet_id: str
    user_id: str
    address: str
    chain_id: int
    def __init__(self, wallet_id: _Optional[str] = ..., user_id: _Optional[str] = ..., address: _Optional[str] = ..., chain_id: _Optional[int] = ...) -> None: ...

class WalletClosed(_message.Message):
    __slots__ = ("wallet_id", "user_id")
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    wallet_id: str
    user_id: str
    def __init__(self, wallet_id: _Optional[str] = ..., user_id: _Optional[str] = ...) -> None: ...

class HoldPlaced(_message.Message):
    __slots__ = ("hold_id", "order_id", "wallet_id", "user_id", "currency", "amount", "expires_at")
    HOLD_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    hold_id: str
    order_id: str
    wallet_id: str
    user_id: str
    currency: str
    amount: str
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, hold_id: _Optional[str] = ..., order_id: _Optional[str] = ..., wallet_id: _Optional[str] = ..., user_id: _Optional[str] = ..., currency: _Optional[str] = ..., amount: _Optional[str] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class HoldCaptured(_message.Message):
    __slots__ = ("hold_id", "order_id", "wallet_id", "user_id", "currency", "amount", "transfer_id")
    HOLD_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    hold_id: str
    order_id: str
    wallet_id: str
    user_id: str
    currency: str
    amount: str
    transfer_id: str
    def __init__(self, hold_id: _Optional[str] = ..., order_id: _Optional[str] = ..., wallet_id: _Optional[str] = ..., user_id: _Optional[str] = ..., currency: _Optional[str] = ..., amount: _Optional[str] = ..., transfer_id: _Optional[str] = ...) -> None: ...

class HoldReleased(_message.Message):
    __slots__ = ("hold_id", "order_id", "wallet_id", "user_id", "currency", "amount", "reason")
    HOLD_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    hold_id: str
    order_id: str
    wallet_id: str
    user_id: str
    currency: str
    amount: str
    reason: str
    def __init__(self, hold_id: _Optional[str] = ..., order_id: _Optional[str] = ..., wallet_id: _Optional[str] = ..., user_id: _Optional[str] = ..., currency: _Optional[str] = ..., amount: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class TransferPosted(_message.Message):
    __slots__ = ("transfer_id", "kind", "reference", "postings", "user_ids")
    class Posting(_message.Message):
        __slots__ = ("account", "currency", "amount", "user_id", "in_place_of", "counterpart")
        ACCOUNT_FIELD_NUMBER: _ClassVar[int]
        CURRENCY_FIELD_NUMBER: _ClassVar[int]
        AMOUNT_FIELD_NUMBER: _ClassVar[int]
        USER_ID_FIELD_NUMBER: _ClassVar[int]
        IN_PLACE_OF_FIELD_NUMBER: _ClassVar[int]
        COUNTERPART_FIELD_NUMBER: _ClassVar[int]
        account: str
        currency: str
        amount: str
        user_id: str
        in_place_of: str
        counterpart: str
        def __init__(self, account: _Optional[str] = ..., currency: _Optional[str] = ..., amount: _Optional[str] = ..., user_id: _Optional[str] = ..., in_place_of: _Optional[str] = ..., counterpart: _Optional[str] = ...) -> None: ...
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    POSTINGS_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    transfer_id: str
    kind: str
    reference: str
    postings: _containers.RepeatedCompositeFieldContainer[TransferPosted.Posting]
    user_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, transfer_id: _Optional[str] = ..., kind: _Optional[str] = ..., reference: _Optional[str] = ..., postings: _Optional[_Iterable[_Union[TransferPosted.Posting, _Mapping]]] = ..., user_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class TransitSent(_message.Message):
    __slots__ = ("giver", "receiver", "transfer_id", "kind", "currency", "amount", "from_wallet_id", "from_user_id", "to_wallet_id", "to_user_id", "order_id", "reference")
    GIVER_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    FROM_WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_USER_ID_FIELD_NUMBER: _ClassVar[int]
    TO_WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    TO_USER_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    giver: str
    receiver: str
    transfer_id: str
    kind: str
    currency: str
    amount: str
    from_wallet_id: str
    from_user_id: str
    to_wallet_id: str
    to_user_id: str
    order_id: str
    reference: str
    def __init__(self, giver: _Optional[str] = ..., receiver: _Optional[str] = ..., transfer_id: _Optional[str] = ..., kind: _Optional[str] = ..., currency: _Optional[str] = ..., amount: _Optional[str] = ..., from_wallet_id: _Optional[str] = ..., from_user_id: _Optional[str] = ..., to_wallet_id: _Optional[str] = ..., to_user_id: _Optional[str] = ..., order_id: _Optional[str] = ..., reference: _Optional[str] = ...) -> None: ...

class DepositCredited(_message.Message):
    __slots__ = ("deposit_id", "wallet_id", "user_id", "currency", "amount", "chain_id", "transaction_hash", "transfer_id", "in_place_of")
    DEPOSIT_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_HASH_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    IN_PLACE_OF_FIELD_NUMBER: _ClassVar[int]
    deposit_id: str
    wallet_id: str
    user_id: str
    currency: str
    amount: str
    chain_id: int
    transaction_hash: str
    transfer_id: str
    in_place_of: str
    def __init__(self, deposit_id: _Optional[str] = ..., wallet_id: _Optional[str] = ..., user_id: _Optional[str] = ..., currency: _Optional[str] = ..., amount: _Optional[str] = ..., chain_id: _Optional[int] = ..., transaction_hash: _Optional[str] = ..., transfer_id: _Optional[str] = ..., in_place_of: _Optional[str] = ...) -> None: ...

class WithdrawalRequested(_message.Message):
    __slots__ = ("withdrawal_id", "wallet_id", "user_id", "currency", "amount", "to_address", "chain_id", "fee")
    WITHDRAWAL_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    TO_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    FEE_FIELD_NUMBER: _ClassVar[int]
    withdrawal_id: str
    wallet_id: str
    user_id: str
    currency: str
    amount: str
    to_address: str
    chain_id: int
    fee: str
    def __init__(self, withdrawal_id: _Optional[str] = ..., wallet_id: _Optional[str] = ..., user_id: _Optional[str] = ..., currency: _Optional[str] = ..., amount: _Optional[str] = ..., to_address: _Optional[str] = ..., chain_id: _Optional[int] = ..., fee: _Optional[str] = ...) -> None: ...

class WithdrawalSent(_message.Message):
    __slots__ = ("withdrawal_id", "wallet_id", "user_id", "currency", "amount", "to_address", "chain_id", "transaction_hash", "fee")
    WITHDRAWAL_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    TO_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_HASH_FIELD_NUMBER: _ClassVar[int]
    FEE_FIELD_NUMBER: _ClassVar[int]
    withdrawal_id: str
    wallet_id: str
    user_id: str
    currency: str
    amount: str
    to_address: str
    chain_id: int
    transaction_hash: str
    fee: str
    def __init__(self, withdrawal_id: _Optional[str] = ..., wallet_id: _Optional[str] = ..., user_id: _Optional[str] = ..., currency: _Optional[str] = ..., amount: _Optional[str] = ..., to_address: _Optional[str] = ..., chain_id: _Optional[int] = ..., transaction_hash: _Optional[str] = ..., fee: _Optional[str] = ...) -> None: ...

class WithdrawalMined(_message.Message):
    __slots__ = ("withdrawal_id", "wallet_id", "user_id", "currency", "amount", "to_address", "chain_id", "transaction_hash", "fee")
    WITHDRAWAL_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    TO_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_HASH_FIELD_NUMBER: _ClassVar[int]
    FEE_FIELD_NUMBER: _ClassVar[int]
    withdrawal_id: str
    wallet_id: str
    user_id: str
    currency: str
    amount: str
    to_address: str
    chain_id: int
    transaction_hash: str
    fee: str
    def __init__(self, withdrawal_id: _Optional[str] = ..., wallet_id: _Optional[str] = ..., user_id: _Optional[str] = ..., currency: _Optional[str] = ..., amount: _Optional[str] = ..., to_address: _Optional[str] = ..., chain_id: _Optional[int] = ..., transaction_hash: _Optional[str] = ..., fee: _Optional[str] = ...) -> None: ...

class WithdrawalFailed(_message.Message):
    __slots__ = ("withdrawal_id", "wallet_id", "user_id", "currency", "amount", "to_address", "chain_id", "reason", "fee")
    WITHDRAWAL_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    TO_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FEE_FIELD_NUMBER: _ClassVar[int]
    withdrawal_id: str
    wallet_id: str
    user_id: str
    currency: str
    amount: str
    to_address: str
    chain_id: int
    reason: str
    fee: str
    def __init__(self, withdrawal_id: _Optional[str] = ..., wallet_id: _Optional[str] = ..., user_id: _Optional[str] = ..., currency: _Optional[str] = ..., amount: _Optional[str] = ..., to_address: _Optional[str] = ..., chain_id: _Optional[int] = ..., reason: _Optional[str] = ..., fee: _Optional[str] = ...) -> None: ...
