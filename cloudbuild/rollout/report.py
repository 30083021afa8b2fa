"""What a rollout did and saw, for people and for the build's log."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from cloudbuild.rollout.analysis import Finding


class Outcome(StrEnum):
    """How a rollout ended."""

    RELEASED = "released"
    ROLLED_BACK = "rolled back"
    REFUSED = "refused"
    WAITING = "waiting for a person"
    FAILED = "failed"

    @property
    def exit_code(self) -> int:
        """For the build: 0 only if the release serves everywhere."""
        return list(Outcome).index(self)


@dataclass(frozen=True)
class Entry:
    """One thing that was done or seen. `finding`: the figures of a verdict."""

    at: datetime
    where: str
    what: str
    finding: Finding | None = None

    def line(self) -> str:
        """As the log shows it."""
        return f"{self.at:%H:%M:%S}  {self.where:<28} {self.what}"

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        known = {"at": self.at.isoformat(), "where": self.where, "what": self.what}
        if self.finding is None:
            return known
        figures = {
            colour: {"requests": sample.requests, "errors": sample.errors, "p99_ms": round(sample.p99, 1)}
            for colour, sample in (("green", self.finding.green), ("blue", self.finding.blue))
        }
        return {**known, "subject": self.finding.subject, "verdict": self.finding.verdict.name.lower(), **figures}


@dataclass
class Report:
    """All entries of one run, in order. `show` is called with each line as it is written."""

    image: str
    show: Callable[[str], None] = lambda line: None
    entries: list[Entry] = field(default_factory=list)
    outcome: Outcome | None = None
    reason: str = ""

    def add(self, at: datetime, where: object, what: str, finding: Finding | None = None) -> None:
        """Note something."""
        entry = Entry(at, str(where), what, finding)
        self.entries.append(entry)
        self.show(entry.line())

    def end(self, at: datetime, outcome: Outcome, reason: str) -> Outcome:
        """Note how it ended."""
        self.outcome, self.reason = outcome, reason
        self.add(at, self.image[-19:], f"{outcome}: {reason}")
        return outcome

    def document(self) -> str:
        """The whole as JSON."""
        whole = {
            "image": self.image,
            "outcome": self.outcome,
            "reason": self.reason,
            "entries": [entry.document() for entry in self.entries],
        }
        return json.dumps(whole, indent=1)
