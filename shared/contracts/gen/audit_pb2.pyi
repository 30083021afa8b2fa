import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CheckRequest(_message.Message):
    __slots__ = ("at", "order_ids", "refunded_ids", "earned_ids")
    AT_FIELD_NUMBER: _ClassVar[int]
    ORDER_IDS_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_IDS_FIELD_NUMBER: _ClassVar[int]
    EARNED_IDS_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    order_ids: _containers.RepeatedScalarFieldContainer[str]
    refunded_ids: _containers.RepeatedScalarFieldContainer[str]
    earned_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., order_ids: _Optional[_Iterable[str]] = ..., refunded_ids: _Optional[_Iterable[str]] = ..., earned_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class CheckResponse(_message.Message):
    __slots__ = ("checked", "violations")
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
    checked: _containers.RepeatedScalarFieldContainer[str]
    violations: _containers.RepeatedCompositeFieldContainer[CheckResponse.Violation]
    def __init__(self, checked: _Optional[_Iterable[str]] = ..., violations: _Optional[_Iterable[_Union[CheckResponse.Violation, _Mapping]]] = ...) -> None: ...
