"""An in-memory store of jobs' failing items. tests/shared/jobs/test_items.py tests the real one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from shared.jobs.failures import FIRST_PAUSE, LONGEST_PAUSE
from shared.jobs.items import ItemFailure
from tests.clocks import FakeClock


@dataclass
class FakeFailures:
    """The items of jobs that failed."""

    clock: FakeClock
    known: dict[tuple[str, str], ItemFailure] = field(default_factory=dict)

    def find(self, job: str, items: Collection[str]) -> Mapping[str, ItemFailure]:
        return {item: self.known[job, item] for item in items if (job, item) in self.known}

    def record(self, job: str, item: str, detail: str) -> None:
        before = self.known.get((job, item), ItemFailure(0, self.clock.now())).attempts
        pause: timedelta = FIRST_PAUSE * 2**before
        self.known[job, item] = ItemFailure(before + 1, self.clock.now() + min(pause, LONGEST_PAUSE))

    def clear(self, job: str, items: Collection[str]) -> None:
        for item in items:
            self.known.pop((job, item), None)
