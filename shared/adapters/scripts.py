"""Commands and scripts on Redis, several in one round trip, on one server or on a cluster.

In a cluster a script's keys lie on one node: their names share a hash tag, as in `cache:{id}` and `cache:{id}:writers`.

Connections are redis-py's own, and kept between questions: its cluster asks a node for the keys of every script first,
and its pool looks every connection over (`python -m tests.bench asked`). What a kept connection does not bring, as it
broke or its server does not have the key any more, the client itself is asked for: it knows how to connect again, and
where things have gone.
"""

import hashlib
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from shared.errors import Unavailable
from shared.resilience.breaker import Breaker

Command = tuple[Any, ...]
"""A command's words: name and first key, or a script's name, hash, number of keys and keys."""

EVALSHA: Final = "EVALSHA"


@dataclass(frozen=True)
class Script:
    """A script in Lua, which Redis runs whole or not at all."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha", hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest())
        _TEXTS[self.sha] = self.text

    @classmethod
    def of(cls, path: Path) -> "Script":
        """The script of a file."""
        return cls(path.read_text(encoding="utf-8"))

    def on(self, keys: Sequence[str], *arguments: Any) -> Command:
        """The command that runs it on keys."""
        return (EVALSHA, self.sha, len(keys), *keys, *arguments)


_TEXTS: Final[dict[str, str]] = {}


@cache
def failures() -> tuple[type[Exception], ...]:
    """What the client raises when Redis fails; a cluster that cannot be reached is no RedisError to it."""
    from redis.exceptions import RedisClusterException, RedisError

    return (RedisError, RedisClusterException, OSError)


@cache
def _once_more() -> tuple[type[Exception], ...]:
    """A connection that broke, a script that the server does not know, a key that another node has by now."""
    from redis import exceptions

    again = (exceptions.NoScriptError, exceptions.AskError, exceptions.ClusterDownError, exceptions.TryAgainError)
    return (exceptions.ConnectionError, *again)


class _Lines:
    """The connections to one server that are kept: as many as ever asked it at once."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._idle: deque[Any] = deque()

    @contextmanager
    def line(self) -> Iterator[Any]:
        """A connection that nobody else uses; one on which something failed may have more to say, and begins anew."""
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


class Asker:
    """Asks Redis, behind its breaker."""

    def __init__(self, redis: Callable[[], Any], breaker: Breaker) -> None:
        """redis: opens the client on first use."""
        self._redis = redis
        self._breaker = breaker
        self._lines: dict[Any, _Lines] = {}

    def ask(self, commands: Sequence[Command]) -> list[Any]:
        """What Redis answers to each command. Raises Unavailable when it does not answer them all."""
        try:
            with self._breaker.guard(failures()):
                return self._all(commands)
        except failures() as error:
            raise Unavailable(f"Redis does not answer: {error}") from error

    def _all(self, commands: Sequence[Command]) -> list[Any]:
        try:
            answers = self._sent(commands)
        except _once_more() as error:
            answers = [error] * len(commands)
        for place, answer in enumerate(answers):
            if isinstance(answer, _once_more()):
                answers[place] = self._redis().execute_command(*_whole(commands[place]))
            elif isinstance(answer, Exception):
                raise answer
        return answers

    def _sent(self, commands: Sequence[Command]) -> list[Any]:
        """What the servers answer, errors in their places. Raises ConnectionError, TimeoutError."""
        from redis.exceptions import ResponseError

        places = defaultdict(list)
        for place, command in enumerate(commands):
            places[self._lines_to(command)].append(place)
        answers: list[Any] = [None] * len(commands)
        with ExitStack() as taken:
            lines = [(taken.enter_context(to.line()), asked) for to, asked in places.items()]
            for line, asked in lines:
                line.send_packed_command(line.pack_commands([commands[place] for place in asked]))
            for line, asked in lines:
                for place in asked:
                    try:
                        answers[place] = line.read_response()
                    except ResponseError as error:
                        answers[place] = error
        return answers

    def _lines_to(self, command: Command) -> _Lines:
        """The connections to the server that has the keys of a command."""
        client = self._redis()
        if hasattr(client, "get_node_from_key"):
            client = client.get_redis_connection(client.get_node_from_key(_key(command)))
        pool = client.connection_pool
        return self._lines.get(pool) or self._lines.setdefault(pool, _Lines(pool))


def _key(command: Command) -> Any:
    return command[3] if command[0] == EVALSHA else command[1]


def _whole(command: Command) -> Command:
    """A command that does not need its script known: it is sent with its text, and known from then on."""
    return ("EVAL", _TEXTS[command[1]], *command[2:]) if command[0] == EVALSHA else command
