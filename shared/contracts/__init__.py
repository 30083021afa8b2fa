"""The contracts between services and with callers: RPCs and events (.proto), operations, problem documents."""
