import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReadRequest(_message.Message):
    __slots__ = ("stream", "from_version", "types")
    STREAM_FIELD_NUMBER: _ClassVar[int]
    FROM_VERSION_FIELD_NUMBER: _ClassVar[int]
    TYPES_FIELD_NUMBER: _ClassVar[int]
    stream: str
    from_version: int
    types: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, stream: _Optional[str] = ..., from_version: _Optional[int] = ..., types: _Optional[_Iterable[str]] = ...) -> None: ...

class ReadResponse(_message.Message):
    __slots__ = ("events", "through")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    THROUGH_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedScalarFieldContainer[bytes]
    through: int
    def __init__(self, events: _Optional[_Iterable[bytes]] = ..., through: _Optional[int] = ...) -> None: ...

class ListRequest(_message.Message):
    __slots__ = ("since", "after", "until", "types", "before", "receiver_field", "receiver")
    SINCE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    TYPES_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_FIELD_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    since: _timestamp_pb2.Timestamp
    after: int
    until: int
    types: _containers.RepeatedScalarFieldContainer[str]
    before: _timestamp_pb2.Timestamp
    receiver_field: str
    receiver: str
    def __init__(self, since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., after: _Optional[int] = ..., until: _Optional[int] = ..., types: _Optional[_Iterable[str]] = ..., before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., receiver_field: _Optional[str] = ..., receiver: _Optional[str] = ...) -> None: ...

class ListResponse(_message.Message):
    __slots__ = ("streams", "position", "more", "last")
    class Stream(_message.Message):
        __slots__ = ("stream", "type", "version")
        STREAM_FIELD_NUMBER: _ClassVar[int]
        TYPE_FIELD_NUMBER: _ClassVar[int]
        VERSION_FIELD_NUMBER: _ClassVar[int]
        stream: str
        type: str
        version: int
        def __init__(self, stream: _Optional[str] = ..., type: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    streams: _containers.RepeatedCompositeFieldContainer[ListResponse.Stream]
    position: int
    more: bool
    last: int
    def __init__(self, streams: _Optional[_Iterable[_Union[ListResponse.Stream, _Mapping]]] = ..., position: _Optional[int] = ..., more: _Optional[bool] = ..., last: _Optional[int] = ...) -> None: ...

class KnownRequest(_message.Message):
    __slots__ = ("consumer", "cell", "after")
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    CELL_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    consumer: str
    cell: str
    after: str
    def __init__(self, consumer: _Optional[str] = ..., cell: _Optional[str] = ..., after: _Optional[str] = ...) -> None: ...

class KnownResponse(_message.Message):
    __slots__ = ("streams", "more")
    class Stream(_message.Message):
        __slots__ = ("stream", "version")
        STREAM_FIELD_NUMBER: _ClassVar[int]
        VERSION_FIELD_NUMBER: _ClassVar[int]
        stream: str
        version: int
        def __init__(self, stream: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    streams: _containers.RepeatedCompositeFieldContainer[KnownResponse.Stream]
    more: bool
    def __init__(self, streams: _Optional[_Iterable[_Union[KnownResponse.Stream, _Mapping]]] = ..., more: _Optional[bool] = ...) -> None: ...

class ListParkedRequest(_message.Message):
    __slots__ = ("consumer", "after", "most")
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    consumer: str
    after: str
    most: int
    def __init__(self, consumer: _Optional[str] = ..., after: _Optional[str] = ..., most: _Optional[int] = ...) -> None: ...

class ListParkedResponse(_message.Message):
    __slots__ = ("streams",)
    class Stream(_message.Message):
        __slots__ = ("stream", "events", "version", "type", "event_id", "reason", "error", "attempts", "since", "retry_at")
        STREAM_FIELD_NUMBER: _ClassVar[int]
        EVENTS_FIELD_NUMBER: _ClassVar[int]
        VERSION_FIELD_NUMBER: _ClassVar[int]
        TYPE_FIELD_NUMBER: _ClassVar[int]
        EVENT_ID_FIELD_NUMBER: _ClassVar[int]
        REASON_FIELD_NUMBER: _ClassVar[int]
        ERROR_FIELD_NUMBER: _ClassVar[int]
        ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
        SINCE_FIELD_NUMBER: _ClassVar[int]
        RETRY_AT_FIELD_NUMBER: _ClassVar[int]
        stream: str
        events: int
        version: int
        type: str
        event_id: str
        reason: str
        error: str
        attempts: int
        since: _timestamp_pb2.Timestamp
        retry_at: _timestamp_pb2.Timestamp
        def __init__(self, stream: _Optional[str] = ..., events: _Optional[int] = ..., version: _Optional[int] = ..., type: _Optional[str] = ..., event_id: _Optional[str] = ..., reason: _Optional[str] = ..., error: _Optional[str] = ..., attempts: _Optional[int] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., retry_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    streams: _containers.RepeatedCompositeFieldContainer[ListParkedResponse.Stream]
    def __init__(self, streams: _Optional[_Iterable[_Union[ListParkedResponse.Stream, _Mapping]]] = ...) -> None: ...

class RedriveRequest(_message.Message):
    __slots__ = ("consumer", "streams", "dry_run")
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    consumer: str
    streams: _containers.RepeatedScalarFieldContainer[str]
    dry_run: bool
    def __init__(self, consumer: _Optional[str] = ..., streams: _Optional[_Iterable[str]] = ..., dry_run: _Optional[bool] = ...) -> None: ...

class RedriveResponse(_message.Message):
    __slots__ = ("streams", "events", "left")
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    streams: _containers.RepeatedScalarFieldContainer[str]
    events: int
    left: int
    def __init__(self, streams: _Optional[_Iterable[str]] = ..., events: _Optional[int] = ..., left: _Optional[int] = ...) -> None: ...
