from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class VerifyLinkRequest(_message.Message):
    __slots__ = ("user_id", "message", "signature", "command")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    message: str
    signature: str
    command: str
    def __init__(self, user_id: _Optional[str] = ..., message: _Optional[str] = ..., signature: _Optional[str] = ..., command: _Optional[str] = ...) -> None: ...

class VerifyLinkResponse(_message.Message):
    __slots__ = ("address", "chain_id")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    address: str
    chain_id: int
    def __init__(self, address: _Optional[str] = ..., chain_id: _Optional[int] = ...) -> None: ...
