"""What revisions served, from the access log of the edge, as Cloud Run's metrics tell it in the cloud."""

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cloudbuild.rollout.analysis import Bucket, Sample
from emulators.stack.parts.edge import cluster_name

GROWTH: Final = 1.1
"""By how much each bucket of latencies is higher than the one before."""


@dataclass(frozen=True)
class Served:
    """One request."""

    at: datetime
    cluster: str
    status: int
    milliseconds: float

    @property
    def failed(self) -> bool:
        """Whether it counts as 5xx: so does one without a response."""
        return self.status == 0 or self.status >= 500


class AccessLog:
    """Reads a log that grows."""

    def __init__(self, path: Path) -> None:
        """path: the file; it may not exist yet."""
        self._path = path
        self._read = 0
        self._rest = ""
        self._served: list[Served] = []

    def between(self, start: datetime, end: datetime) -> list[Served]:
        """The requests that began in a window, as far as they are written."""
        self._catch_up()
        return [each for each in self._served if start <= each.at < end]

    def sample(self, revision: str, start: datetime, end: datetime) -> Sample:
        """What a revision served in a window."""
        found = [each for each in self.between(start, end) if each.cluster == cluster_name(revision)]
        return Sample(len(found), sum(each.failed for each in found), _buckets(each.milliseconds for each in found))

    def _catch_up(self) -> None:
        if not self._path.exists():
            return
        with self._path.open(encoding="utf-8") as file:
            file.seek(self._read)
            text = self._rest + file.read()
            self._read = file.tell()
        *lines, self._rest = text.split("\n")
        self._served += [_parsed(line) for line in lines]


def _parsed(line: str) -> Served:
    entry = json.loads(line)
    at = datetime.fromisoformat(entry["at"])
    return Served(at, entry["cluster"] or "", int(entry["status"]), float(entry["duration_ms"]))


def _buckets(milliseconds: Iterable[float]) -> tuple[Bucket, ...]:
    exponents = Counter(math.ceil(math.log(max(each, 1.0), GROWTH)) for each in milliseconds)
    return tuple(Bucket(GROWTH ** (e - 1), GROWTH**e, count) for e, count in sorted(exponents.items()))
