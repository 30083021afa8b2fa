from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class VoidClaimRequest(_message.Message):
    __slots__ = ("order_id", "user_id", "address")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    user_id: str
    address: str
    def __init__(self, order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., address: _Optional[str] = ...) -> None: ...

class VoidClaimResponse(_message.Message):
    __slots__ = ("voided",)
    VOIDED_FIELD_NUMBER: _ClassVar[int]
    voided: bool
    def __init__(self, voided: _Optional[bool] = ...) -> None: ...
