"""What a batch tells of each of its items. How items go together: tests/shared/rpc/test_batching.py."""

import statistics
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from emulators.waiting import until
from shared.errors import KeyInUse
from shared.resilience.group_commit import RUNNERS, GroupCommit


def halves(numbers: Sequence[int]) -> list[int | Exception]:
    """Half of each even number; an odd one ends with an exception."""
    return [KeyInUse(str(number)) if number % 2 else number // 2 for number in numbers]


def test_an_item_alone_ends_with_its_own_exception() -> None:
    """It is raised to whoever sent the item."""
    grouped = GroupCommit(halves)
    assert grouped.run(8) == 4
    with pytest.raises(KeyInUse, match="7"):
        grouped.run(7)


def test_an_exception_for_one_item_of_a_batch_is_for_that_alone() -> None:
    """The others have their outcomes, and nothing runs twice."""
    go, batches = Event(), list[list[int]]()

    def together(numbers: Sequence[int]) -> list[int | Exception]:
        batches.append(list(numbers))
        assert go.wait(10)
        return halves(numbers)

    grouped = GroupCommit(together, runners=1)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(grouped.run, 0)
        until(lambda: batches, bool)
        others = []
        for number in (2, 3, 4):
            others.append(pool.submit(grouped.run, number))
            until(lambda: len(grouped._waiting), lambda waiting: waiting == len(others))
        go.set()
        assert (first.result(10), others[0].result(10), others[2].result(10)) == (0, 1, 2)
        with pytest.raises(KeyInUse, match="3"):
            others[1].result(10)
    assert batches == [[0], [2, 3, 4]]


def test_a_batch_that_tells_of_too_few_runs_item_by_item() -> None:
    """A defect of `together` reaches no item with another's outcome."""
    go, batches = Event(), list[list[int]]()

    def together(numbers: Sequence[int]) -> list[int]:
        batches.append(list(numbers))
        assert go.wait(10)
        return [number for number in numbers if len(numbers) == 1]

    grouped = GroupCommit(together, runners=1)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(grouped.run, 0)
        until(lambda: batches, bool)
        others = [pool.submit(grouped.run, number) for number in (1, 2)]
        until(lambda: len(grouped._waiting), lambda waiting: waiting == 2)
        go.set()
        assert [each.result(10) for each in (first, *others)] == [0, 1, 2]
    assert sorted(map(len, batches)) == [1, 1, 1, 2]


def test_those_that_were_answered_together_go_together_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one to come again waits for as many as there were; who was alone before does not wait."""
    batches = list[int]()

    def together(numbers: Sequence[int]) -> list[int]:
        batches.append(len(numbers))
        work.wait(0.001)  # as a database works, meanwhile others come
        return list(numbers)

    grouped, work = GroupCommit(together), Event()
    with monkeypatch.context() as patched:
        patched.setattr(grouped._enough, "wait", lambda _: pytest.fail("it waits for nobody"))
        for number in range(20):
            grouped.run(number)
    assert batches == [1] * 20
    batches.clear()

    def repeat(number: int) -> None:
        for _ in range(200):
            grouped.run(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(repeat, range(8)))
    assert sum(batches) == 8 * 200
    assert statistics.mean(batches) > 4


def test_a_batch_that_takes_long_holds_up_no_other_for_long() -> None:
    """What waits behind one that waits for a lock goes with the other runner, though it does not end."""
    locked, began = Event(), Event()

    def together(numbers: Sequence[int]) -> list[int]:
        if 0 in numbers:
            began.set()
            assert locked.wait(10)
        return list(numbers)

    grouped = GroupCommit(together)
    with ThreadPoolExecutor(4) as pool:
        stuck = pool.submit(grouped.run, 0)
        assert began.wait(10)
        others = [pool.submit(grouped.run, number) for number in (1, 2, 3)]
        assert [each.result(10) for each in others] == [1, 2, 3]
        assert not stuck.done()
        assert grouped.run(4) == 4
        locked.set()
        assert stuck.result(10) == 0
    assert grouped._free == RUNNERS
