"""Connects to PostgreSQL: through the Cloud SQL connector if an instance is configured, otherwise over TCP."""

import socket
import threading
from collections.abc import Callable
from typing import Any, Final

from pg8000.converters import array_out
from pg8000.core import CoreConnection
from pg8000.native import Connection

from shared.config import Settings
from shared.resilience.deadline import time_left

NUMERIC_OID: Final = 1700
CONNECT_SECONDS: Final = 5.0
SOCKET_TIMEOUT_SECONDS: Final = 15
TRANSACTION_SECONDS: Final = 30
"""How long a transaction can live; then the server ends its session."""

SESSION: Final = (
    "set statement_timeout = '10s'; set idle_in_transaction_session_timeout = '30s';"
    f" set transaction_timeout = '{TRANSACTION_SECONDS}s';"
    # A statement that waits for a lock notices that its client is gone, and leaves the queue.
    " set client_connection_check_interval = '1s'"
)


def connector(settings: Settings, service: str, user: str | None = None) -> Callable[[], CoreConnection]:
    """A function that connects to a service's database.

    user: locally the service's own role by default; in the cloud the login of this process's account, which is a member
    of the service's role (roles.py).
    """
    login = user or (settings.database_user if settings.cloud_sql_instance else service)
    return lambda: _session(open_session(settings, login, settings.database_name(service)))


def open_session(
    settings: Settings, user: str, database: str, kind: type[CoreConnection] = Connection
) -> CoreConnection:
    """A plain connection: in the cloud with IAM authentication, elsewhere with the password of the user.

    kind: pg8000's native connections, or those of its DB-API, which Cloud SQL's are in any case.
    """
    if settings.cloud_sql_instance:
        return _cloud_sql(settings, user, database)
    return kind(
        user=user,
        host=settings.database_host,
        port=settings.database_port,
        database=database,
        password=settings.secret(f"{user}.password").decode(),
        timeout=max(0.5, time_left(CONNECT_SECONDS)),
        application_name="meridian",
        # The server on this machine has no TLS, and offering it would load the system's certificates each time (30 ms).
        ssl_context=False,
    )


def _cloud_sql(settings: Settings, user: str, database: str) -> CoreConnection:
    """A connection through the Cloud SQL connector, to the server's private address, with IAM authentication over TLS.

    It returns pg8000's DB-API connection; only what it shares with the native one is used.
    """
    return _connector().connect(
        settings.cloud_sql_instance,
        "pg8000",
        user=user,
        db=database,
        enable_iam_auth=True,
        ip_type="private",
        timeout=max(0.5, time_left(CONNECT_SECONDS)),
    )


_the_connector: Any = None
_lock = threading.Lock()


def _connector() -> Any:
    """The process's connector; it refreshes certificates on use, since Cloud Run throttles threads between requests."""
    global _the_connector  # noqa: PLW0603 - one per process
    from google.cloud.sql.connector import Connector, RefreshStrategy

    with _lock:
        if _the_connector is None:
            _the_connector = Connector(refresh_strategy=RefreshStrategy.LAZY)
        return _the_connector


def _session(connection: CoreConnection) -> CoreConnection:
    connection.register_in_adapter(NUMERIC_OID, int)  # every NUMERIC of ours is an integer of atomic units
    connection.register_out_adapter(list, _array)
    # A statement of more than 8 KB, its buffer, leaves pg8000 in several writes. Nagle's algorithm would hold the last
    # one back until the first is acknowledged, which the server delays by 40 ms.
    connection._usock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    CoreConnection.execute_simple(connection, SESSION)
    connection._usock.settimeout(SOCKET_TIMEOUT_SECONDS)
    return connection


def _array(values: list[Any]) -> str:
    """A list as a PostgreSQL array literal. pg8000 does not quote the string `null`, which would become NULL."""
    return "{" + ",".join(_quoted(each) if isinstance(each, str) else array_out(each) for each in values) + "}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
