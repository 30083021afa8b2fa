"""Promotion as it is driven: against a record that others may change, with steps that fail and are repeated."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from threading import Barrier

import pytest

from shared.cells.promoter import ALIVE_SECONDS, NotPromotable, Promoter
from shared.cells.promotion import PATIENCE_SECONDS
from shared.cells.record import CellRecord
from shared.errors import Unavailable

SEEN = CellRecord("as", "asia", standby="here", generation=3)


class Records:
    """The cell's document, as it is at a time."""

    def __init__(self, record: CellRecord, at: Callable[[CellRecord], CellRecord] = lambda record: record) -> None:
        """at: what happens to it between two looks."""
        self.record = record
        self._between = at

    def read(self, _: str) -> CellRecord:
        self.record = self._between(self.record)
        return self.record

    def change(self, _: str, change: Callable[[CellRecord], CellRecord | None]) -> CellRecord | None:
        after = change(self.record)
        self.record = after or self.record
        return after


@dataclass
class Steps:
    """Steps that note what was asked of them, and fail as often as they are told to."""

    fails: dict[str, int] = field(default_factory=dict)
    known: Mapping[str, int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def promote_server(self, epoch: int, generation: int) -> None:
        self._do(f"promote under {epoch}, {generation}")

    def compare(self, source: str) -> None:
        self._do(f"compare {source}")

    def ask_known(self, peer: str) -> tuple[Mapping[str, int], Mapping[str, int]]:
        self._do(f"ask {peer}")
        return self.known, {"ord": 2}

    def audit(self) -> list[str]:
        self._do("audit")
        return self.violations

    def _do(self, name: str) -> None:
        self.fails[name] = self.fails.get(name, 0) - 1
        if self.fails[name] >= 0:
            raise Unavailable(name)
        self.done.append(name)


class Time:
    """A clock that only sleeping advances."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def promoter(records: Records, steps: Steps, time: Time) -> Promoter:
    return Promoter(records, "as", "here", ["eu", "us"], steps, holder="me", monotonic=time, sleep=time.sleep)  # type: ignore[arg-type]


IN_ORDER = [{"promote under 2, 4"}, {"compare eu", "compare us"}, {"ask eu", "ask us"}, {"audit"}]
"""The steps, of which those of several cells run at once."""


def in_order(done: Sequence[str]) -> list[set[str]]:
    """What was done, step by step."""
    return [set(each) for _, each in groupby(done, key=lambda name: name.partition(" ")[0])]


def test_it_waits_for_the_lease_and_opens_the_cell() -> None:
    """Every step once and in order; then the record says that the cell is served here, by nobody yet, and is open."""
    records, steps, time = Records(SEEN), Steps(), Time()
    result = promoter(records, steps, time).run()
    assert (result.serving, result.epoch, in_order(steps.done)) == (True, 2, IN_ORDER)
    assert records.record == replace(SEEN, region="here", epoch=2, renewal=1, generation=4, standby="", holder="me")
    assert result.seconds["watch"] == pytest.approx(5.25, abs=0.3)


def test_a_step_that_fails_is_repeated() -> None:
    steps = Steps({"promote under 2, 4": 2, "compare us": 3, "audit": 1})
    result = promoter(Records(SEEN), steps, Time()).run()
    assert (result.serving, sorted(steps.done), result.unchecked) == (True, sorted(set().union(*IN_ORDER)), [])


def test_a_cell_that_does_not_answer_is_waited_for_and_compared_later() -> None:
    steps, time = Steps({"compare eu": 10**6}), Time()
    result = promoter(Records(SEEN), steps, time).run()
    assert (result.serving, result.unchecked) == (True, ["eu"])
    assert "ask eu" not in steps.done
    assert time.now > PATIENCE_SECONDS


def test_a_cell_that_is_waited_for_holds_up_no_other() -> None:
    """Each of the two waits until the other is being compared, and asked, too."""
    both = Barrier(2, timeout=30)

    class Together(Steps):
        def _do(self, name: str) -> None:
            if name.startswith(("compare", "ask")):
                both.wait()
            super()._do(name)

    result = promoter(Records(SEEN), Together(), Time()).run()
    assert (result.serving, result.unchecked) == (True, [])


@pytest.mark.parametrize(
    "steps", [Steps(known={"ord": 3}), Steps(violations=["money is missing"])], ids=["contradicted", "violated"]
)
def test_a_cell_that_contradicts_anybody_stays_closed(steps: Steps) -> None:
    records = Records(SEEN)
    result = promoter(records, steps, Time()).run()
    assert not result.serving
    assert records.record.opening
    assert result.contradictions or result.violations


def test_a_promoter_that_was_lost_is_followed_by_another() -> None:
    """It goes on with the record that it finds, without waiting once more; and one that had been done does nothing."""
    records, time = Records(replace(SEEN, region="here", epoch=2, standby="", generation=4, opening=True)), Time()
    steps = Steps()
    assert promoter(records, steps, time).run().serving
    assert (in_order(steps.done), time.now) == (IN_ORDER, 0.0)
    done = Steps()
    again = promoter(records, done, time).run()
    assert (again.serving, again.epoch, done.done) == (True, 2, [])


def test_only_the_designated_standby_of_a_dead_cell_is_promoted() -> None:
    """Neither where none is designated, nor where it is elsewhere, nor while its lease is renewed."""
    time, steps = Time(), Steps()
    for standby in ("", "elsewhere"):
        with pytest.raises(NotPromotable, match="designated standby"):
            promoter(Records(replace(SEEN, standby=standby)), steps, time).run()
    alive = Records(SEEN, lambda record: replace(record, renewal=record.renewal + 1))
    with pytest.raises(NotPromotable, match="still renewed"):
        promoter(alive, steps, time).run()
    assert time.now > ALIVE_SECONDS
    assert steps.done == []
    assert alive.record.epoch == SEEN.epoch


def test_a_standby_that_was_given_up_meanwhile_is_not_promoted() -> None:
    """The compare-and-set fails: the record has been through another generation."""

    class GivenUp(Records):
        def change(self, _: str, change: Callable[[CellRecord], CellRecord | None]) -> CellRecord | None:
            self.record = replace(self.record, standby="", generation=4)
            return super().change(_, change)

    records = GivenUp(SEEN)
    steps = Steps()
    assert not promoter(records, steps, Time()).run().serving
    assert steps.done == []
