"""Commands and scripts on Redis, several in one round trip, on one server or on a cluster.

In a cluster a script's keys lie on one node: their names share a hash tag, as in `cache:{id}` and `cache:{id}:writers`.

Connections are redis-py's own, kept open between calls: its cluster client asks a node for the keys of every script
first, and its pool checks every connection (`python -m tests.bench pipeline`). Commands that fail on a kept connection,
because it broke or its server no longer has the key, go through the client itself, which reconnects and follows
redirections.
"""

import hashlib
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

from shared.errors import Unavailable
from shared.redis.library import redis_library
from shared.resilience.breaker import Breaker

Command = tuple[Any, ...]
"""A command's parts: name and first key, or EVALSHA, a script's hash, number of keys and keys."""

EVALSHA: Final = "EVALSHA"


class Script:
    """A Lua script, which Redis runs atomically."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        _TEXTS[self.sha] = text

    @classmethod
    def of(cls, path: Path) -> "Script":
        """The script in a file."""
        return cls(path.read_text(encoding="utf-8"))

    def on(self, keys: Sequence[str], *arguments: Any) -> Command:
        """The command that runs it on keys."""
        return (EVALSHA, self.sha, len(keys), *keys, *arguments)


_TEXTS: Final[dict[str, str]] = {}


@cache
def failures() -> tuple[type[Exception], ...]:
    """What the client raises if Redis fails; for an unreachable cluster that is not a RedisError."""
    exceptions = redis_library().exceptions
    return (exceptions.RedisError, exceptions.RedisClusterException, OSError)


@cache
def _retryable() -> tuple[type[Exception], ...]:
    """Errors to retry through the client: a broken connection, an unknown script, a key that moved to another node."""
    exceptions = redis_library().exceptions
    again = (exceptions.NoScriptError, exceptions.AskError, exceptions.ClusterDownError, exceptions.TryAgainError)
    return (exceptions.ConnectionError, *again)


class _IdleConnections:
    """The connections kept to one server: as many as were ever used at once."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._idle: deque[Any] = deque()

    @contextmanager
    def borrow(self) -> Iterator[Any]:
        """Borrow a connection. After a failure it is closed, since replies may be pending; it reconnects on use."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._pool.get_connection()
        try:
            yield connection
        except BaseException:
            connection.disconnect()
            raise
        finally:
            self._idle.append(connection)


class Pipeline:
    """Sends commands to Redis, behind its circuit breaker."""

    def __init__(self, redis: Callable[[], Any], breaker: Breaker) -> None:
        """redis: opens the client on first use."""
        self._redis = redis
        self._breaker = breaker
        self._connections: dict[Any, _IdleConnections] = {}

    def execute(self, commands: Sequence[Command]) -> list[Any]:
        """Redis's reply to each command. Raises Unavailable unless it replies to all."""
        try:
            with self._breaker.guard(failures()):
                return self._execute_all(commands)
        except failures() as error:
            raise Unavailable(f"Redis does not answer: {error}") from error

    def _execute_all(self, commands: Sequence[Command]) -> list[Any]:
        try:
            answers = self._send(commands)
        except _retryable() as error:
            answers = [error] * len(commands)
        for index, answer in enumerate(answers):
            if isinstance(answer, _retryable()):
                answers[index] = self._redis().execute_command(*_with_text(commands[index]))
            elif isinstance(answer, Exception):
                raise answer
        return answers

    def _send(self, commands: Sequence[Command]) -> list[Any]:
        """The servers' replies, with errors in place. Raises ConnectionError, TimeoutError."""
        indices_by_server = defaultdict(list)
        for index, command in enumerate(commands):
            indices_by_server[self._connections_to(command)].append(index)
        answers: list[Any] = [None] * len(commands)
        with ExitStack() as borrowed:
            sending = [(borrowed.enter_context(pool.borrow()), indices) for pool, indices in indices_by_server.items()]
            for connection, indices in sending:
                connection.send_packed_command(connection.pack_commands([commands[index] for index in indices]))
            for connection, indices in sending:
                for index in indices:
                    try:
                        answers[index] = connection.read_response()
                    except redis_library().exceptions.ResponseError as error:
                        answers[index] = error
        return answers

    def _connections_to(self, command: Command) -> _IdleConnections:
        """The connections to the server that has a command's keys."""
        client = self._redis()
        if hasattr(client, "get_node_from_key"):
            client = client.get_redis_connection(client.get_node_from_key(_key(command)))
        pool = client.connection_pool
        return self._connections.get(pool) or self._connections.setdefault(pool, _IdleConnections(pool))


def _key(command: Command) -> Any:
    return command[3] if command[0] == EVALSHA else command[1]


def _with_text(command: Command) -> Command:
    """The command with its script's text instead of its hash; the server caches the script from then on."""
    return ("EVAL", _TEXTS[command[1]], *command[2:]) if command[0] == EVALSHA else command
