"""Commands and scripts on Redis, several in one round trip, on one server or on a cluster.

In a cluster a script's keys lie on one node: their names share a hash tag, as in `cache:{id}` and `cache:{id}:writers`.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from shared.errors import Unavailable
from shared.resilience.breaker import Breaker

Command = tuple[Any, ...]
"""A command's words; the keys of a script are counted by its third."""

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


class Asker:
    """Asks Redis, behind its breaker."""

    def __init__(self, redis: Callable[[], Any], breaker: Breaker) -> None:
        """redis: opens the client on first use."""
        self._redis = redis
        self._breaker = breaker

    def ask(self, commands: Sequence[Command]) -> list[Any]:
        """What Redis answers to each command. Raises Unavailable when it does not answer them all."""
        try:
            with self._breaker.guard(failures()):
                return self._all(commands)
        except failures() as error:
            raise Unavailable(f"Redis does not answer: {error}") from error

    def _all(self, commands: Sequence[Command]) -> list[Any]:
        from redis.exceptions import NoScriptError

        answers = self._sent(commands)
        unknown = [place for place, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if unknown:  # a server that was restarted knows no scripts: EVAL runs one, and has it known
            again = self._sent([_whole(commands[place]) for place in unknown])
            for place, answer in zip(unknown, again, strict=True):
                answers[place] = answer
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    def _sent(self, commands: Sequence[Command]) -> list[Any]:
        if len(commands) == 1:
            return [self._one(commands[0])]
        with self._redis().pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            answers: list[Any] = pipeline.execute(raise_on_error=False)
        return answers

    def _one(self, command: Command) -> Any:
        from redis.exceptions import NoScriptError

        try:
            return self._redis().execute_command(*command)
        except NoScriptError as error:
            return error


def _whole(command: Command) -> Command:
    """A script's command with its text instead of its hash."""
    return ("EVAL", _TEXTS[command[1]], *command[2:])
