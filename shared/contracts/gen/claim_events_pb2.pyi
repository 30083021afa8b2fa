from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class ClaimOpened(_message.Message):
    __slots__ = ("claim_id", "order_id", "user_id")
    CLAIM_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    claim_id: str
    order_id: str
    user_id: str
    def __init__(self, claim_id: _Optional[str] = ..., order_id: _Optional[str] = ..., user_id: _Optional[str] = ...) -> None: ...

class ClaimClaimed(_message.Message):
    __slots__ = ("claim_id", "order_id", "user_id", "recipient")
    CLAIM_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    claim_id: str
    order_id: str
    user_id: str
    recipient: str
    def __init__(self, claim_id: _Optional[str] = ..., order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., recipient: _Optional[str] = ...) -> None: ...

class ClaimProcessed(_message.Message):
    __slots__ = ("claim_id", "order_id", "user_id", "chain_id", "transaction_hash", "merchant_id")
    CLAIM_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_HASH_FIELD_NUMBER: _ClassVar[int]
    MERCHANT_ID_FIELD_NUMBER: _ClassVar[int]
    claim_id: str
    order_id: str
    user_id: str
    chain_id: int
    transaction_hash: str
    merchant_id: str
    def __init__(self, claim_id: _Optional[str] = ..., order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., chain_id: _Optional[int] = ..., transaction_hash: _Optional[str] = ..., merchant_id: _Optional[str] = ...) -> None: ...

class ClaimFailed(_message.Message):
    __slots__ = ("claim_id", "order_id", "user_id", "reason", "merchant_id", "code")
    CLAIM_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MERCHANT_ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    claim_id: str
    order_id: str
    user_id: str
    reason: str
    merchant_id: str
    code: str
    def __init__(self, claim_id: _Optional[str] = ..., order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., reason: _Optional[str] = ..., merchant_id: _Optional[str] = ..., code: _Optional[str] = ...) -> None: ...

class ClaimVoided(_message.Message):
    __slots__ = ("claim_id", "order_id", "user_id")
    CLAIM_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    claim_id: str
    order_id: str
    user_id: str
    def __init__(self, claim_id: _Optional[str] = ..., order_id: _Optional[str] = ..., user_id: _Optional[str] = ...) -> None: ...
