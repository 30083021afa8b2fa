"""The logs of a stack's processes, put together by time and filtered, as people read them.

Meridian's processes write JSON (shared/telemetry/logs.py); what the others write is shown as it is, at the time of the
line before it. A line is colour-blind: severities are words.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from emulators.stack.errors import StackError

SEVERITIES: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FOLLOW_SECONDS: Final = 0.3
START: Final = datetime.min.replace(tzinfo=UTC)
SUFFIX: Final = ".log"


@dataclass(frozen=True)
class Filter:
    """Which lines are shown: those that all of these accept. What is empty accepts every line.

    severity: the least. request, trace, user: ids. text: is in the line. since: how far back.
    """

    severity: str = ""
    request: str = ""
    trace: str = ""
    user: str = ""
    text: str = ""
    since: timedelta | None = None

    def accepts(self, line: "LogLine", now: datetime) -> bool:
        """Whether it shows a line."""
        fields = line.fields
        return (
            (not self.severity or SEVERITIES.index(line.severity) >= SEVERITIES.index(self.severity))
            and (not self.request or fields.get("request_id") == self.request)
            and (not self.trace or fields.get("logging.googleapis.com/trace", "").endswith(f"/{self.trace}"))
            and (not self.user or fields.get("user_id") == self.user)
            and self.text in line.text
            and (self.since is None or line.at >= now - self.since)
        )

    @property
    def any(self) -> bool:
        """Whether it leaves out anything."""
        return self != Filter()


@dataclass(frozen=True)
class LogLine:
    """A line of a process. fields: those of the JSON; empty for any other line."""

    process: str
    at: datetime
    text: str
    fields: dict[str, Any]

    @property
    def severity(self) -> str:
        """Its severity; INFO where a process does not say."""
        return str(self.fields.get("severity", "INFO"))

    def shown(self, width: int) -> str:
        """As people read it. width: of the column of processes."""
        clock = self.at.astimezone().strftime("%H:%M:%S.%f")[:-3] if self.at > START else " " * 12
        message = str(self.fields.get("message", self.text))
        request = self.fields.get("httpRequest")
        took = f" in {float(request['latency'].rstrip('s')) * 1000:.0f} ms" if request else ""
        ids = " ".join(str(self.fields[name]) for name in ("request_id", "user_id") if self.fields.get(name))
        stack = "".join(f"\n    {each}" for each in str(self.fields.get("stack_trace", "")).splitlines())
        return f"{clock} {self.severity:<8} {self.process:<{width}} {message}{took}  {ids}".rstrip() + stack


def parse(process: str, text: str, before: datetime = START) -> LogLine:
    """A line of a process. before: the time of the line before it, which one that tells no time has."""
    try:
        fields = json.loads(text) if text.startswith("{") else {}
        at = datetime.fromisoformat(fields["time"]) if fields else before
    except (ValueError, KeyError):
        return LogLine(process, before, text, {})
    return LogLine(process, at, text, fields)


def parsed(process: str, texts: Iterable[str], before: datetime = START) -> Iterator[LogLine]:
    """The lines of a process, each at a time."""
    for text in texts:
        line = parse(process, text, before)
        before = line.at
        yield line


def processes(folder: Path) -> list[str]:
    """The processes that have a log."""
    return sorted(path.stem for path in folder.glob(f"*{SUFFIX}"))


def chosen(folder: Path, named: Sequence[str]) -> list[str]:
    """The processes of these names, or whose names begin so; all without any. Raises StackError for an unknown one."""
    known = processes(folder)
    for name in named:
        if not any(each.startswith(name) for each in known):
            raise StackError(f"There is no log of {name}; the logs are: {', '.join(known) or 'none'}.")
    return [each for each in known if not named or any(each.startswith(name) for name in named)]


def read(folder: Path, names: Sequence[str], wanted: Filter, most: int, now: datetime) -> list[LogLine]:
    """The last lines of these processes that a filter accepts, by time. most: how many."""
    found: list[LogLine] = []
    for name in names:
        rotated = sorted(folder.glob(f"{name}{SUFFIX}.*"), key=lambda path: -int(path.suffix[1:]))
        for path in (*rotated, folder / f"{name}{SUFFIX}"):
            texts = path.read_text(encoding="utf-8", errors="replace").splitlines()
            found += [line for line in parsed(name, texts) if wanted.accepts(line, now)]
    return sorted(found, key=lambda line: line.at)[-most:]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that `show` reads."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="processes, or how their names begin; all by default")
    parser.add_argument("--severity", choices=SEVERITIES, default="", help="the least severity")
    parser.add_argument("--request", default="", metavar="ID", help="of one request: its X-Request-Id")
    parser.add_argument("--trace", default="", metavar="ID", help="of one trace")
    parser.add_argument("--user", default="", metavar="ID", help="of one user's requests")
    parser.add_argument("--text", default="", help="what is in the line")
    parser.add_argument("--minutes", type=float, help="how far back")
    parser.add_argument("--lines", type=int, default=50, help="how many of the last lines (default: 50)")
    parser.add_argument("--json", action="store_true", help="as they were written")
    parser.add_argument("--follow", "-f", action="store_true", help="go on as lines are written, until Ctrl-C")


def show(folder: Path, arguments: argparse.Namespace) -> None:
    """Print the lines that the arguments ask for; the names of the processes if they ask for none in particular.

    Raises StackError for an unknown process.
    """
    since = timedelta(minutes=arguments.minutes) if arguments.minutes else None
    wanted = Filter(arguments.severity, arguments.request, arguments.trace, arguments.user, arguments.text, since)
    if not arguments.names and not wanted.any and not arguments.follow:
        print("\n".join(processes(folder)) or f"There are no logs in {folder}.")
        return
    names = chosen(folder, arguments.names)
    width = max(map(len, names), default=0)

    def line_out(line: LogLine) -> None:
        print(line.text if arguments.json else line.shown(width), flush=arguments.follow)

    for line in read(folder, names, wanted, arguments.lines, datetime.now(UTC)):
        line_out(line)
    if arguments.follow:
        follow(folder, names, wanted, line_out)


def follow(folder: Path, names: Sequence[str], wanted: Filter, show_line: Callable[[LogLine], None]) -> None:
    """Show lines as they are written, until interrupted."""
    places = {name: (folder / f"{name}{SUFFIX}").stat().st_size for name in names}
    while True:
        for name, place in places.items():
            path = folder / f"{name}{SUFFIX}"
            begin = place if path.stat().st_size >= place else 0  # else it was rotated
            with path.open("rb") as file:
                file.seek(begin)
                whole, newline, _ = file.read().rpartition(b"\n")
            places[name] = begin + len(whole) + len(newline)
            now = datetime.now(UTC)
            for line in parsed(name, whole.decode(errors="replace").splitlines(), now):
                if wanted.accepts(line, now):
                    show_line(line)
        time.sleep(FOLLOW_SECONDS)
