"""Calls that wait go together, none waits alone, and what happens to one touches no other."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from emulators.waiting import until
from shared.contracts.gen.supply_pb2 import ReserveRequest
from shared.contracts.gen.wallet_pb2 import PlaceHoldRequest, PlaceHoldResponse
from shared.errors import Malformed, Unavailable
from shared.resilience.deadline import within
from shared.rpc.batching import BatchedOperation, named
from shared.telemetry.context import bind, context_of


def request(*hold_ids: str) -> PlaceHoldRequest:
    """A call with these items."""
    return PlaceHoldRequest(holds=[PlaceHoldRequest.Hold(hold_id=each) for each in hold_ids])


def outcomes(response: PlaceHoldResponse) -> list[tuple[str, str]]:
    """The items of a response, each with its refusal."""
    return [(each.hold_id, each.refusal) for each in response.outcomes]


class Holds:
    """An operation that waits until it is let go, and refuses what a test names."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.trails: dict[str, str] = {}
        self.go = threading.Event()
        self.refused: set[str] = set()
        self.broken: set[str] = set()

    def run(self, *, request: Any) -> PlaceHoldResponse:
        ids = [hold.hold_id for hold in request.holds]
        self.batches.append(ids)
        assert self.go.wait(10)
        self.trails |= {each: context_of(each).request_id for each in ids}
        if self.broken & set(ids):
            raise Malformed("broken")
        return PlaceHoldResponse(
            outcomes=[
                PlaceHoldResponse.Outcome(hold_id=each, refusal="REFUSED" if each in self.refused else "")
                for each in ids
            ]
        )


@pytest.fixture
def holds() -> Holds:
    return Holds()


@pytest.fixture
def batched(holds: Holds) -> BatchedOperation:
    return BatchedOperation(holds, "holds", at_most=4, runners=1)


Ask = Callable[..., Future[Any]]


@pytest.fixture
def ask(batched: BatchedOperation) -> Any:
    """Sends calls, one after the other, each from a thread of its own."""
    with ThreadPoolExecutor(32) as pool:

        def send(*hold_ids: str) -> Future[Any]:
            before = len(batched.calls._waiting)
            busy = not batched.calls._free
            sent = pool.submit(lambda: batched.run(request=request(*hold_ids)))
            if busy:
                until(lambda: len(batched.calls._waiting), lambda waiting: waiting == before + 1)
            else:
                until(lambda: not batched.calls._free, bool)
            return sent

        yield send


def test_a_call_alone_runs_at_once(batched: BatchedOperation, holds: Holds) -> None:
    """And each after the other by itself."""
    holds.go.set()
    for name in ("a", "b"):
        assert outcomes(batched.run(request=request(name))) == [(name, "")]
    assert holds.batches == [["a"], ["b"]]


def test_calls_that_wait_go_together(ask: Ask, holds: Holds) -> None:
    """In the order in which they came, however many items each has, and each gets the outcomes of its own items."""
    holds.refused = {"c"}
    sent = [ask("a"), ask("b", "c"), ask(), ask("d")]
    holds.go.set()
    assert [outcomes(each.result(10)) for each in sent] == [[("a", "")], [("b", ""), ("c", "REFUSED")], [], [("d", "")]]
    assert holds.batches == [["a"], ["b", "c", "d"]]


def test_a_batch_is_bounded(ask: Ask, holds: Holds) -> None:
    """What is too much for one goes in the next."""
    sent = [ask(str(number)) for number in range(10)]
    holds.go.set()
    assert [outcomes(each.result(10)) for each in sent] == [[(str(number), "")] for number in range(10)]
    assert [len(batch) for batch in holds.batches] == [1, 4, 4, 1]


def test_a_failure_is_its_own(ask: Ask, batched: BatchedOperation, holds: Holds) -> None:
    """The others of its batch are run by themselves, and so is what comes after."""
    holds.broken = {"c"}
    sent = [ask("a"), ask("b"), ask("c"), ask("d")]
    holds.go.set()
    assert outcomes(sent[1].result(10)) == [("b", "")]
    with pytest.raises(Malformed):
        sent[2].result(10)
    assert outcomes(sent[3].result(10)) == [("d", "")]
    assert sorted(holds.batches) == sorted([["a"], ["b", "c", "d"], ["b"], ["c"], ["d"]])
    until(lambda: batched.calls._free, bool)
    assert outcomes(batched.run(request=request("e"))) == [("e", "")]


def test_who_has_no_time_left_leaves_the_queue(ask: Ask, batched: BatchedOperation, holds: Holds) -> None:
    """Nothing is done for it, and the others go on."""
    first = ask("a")
    with within(0.05), pytest.raises(Unavailable):
        batched.run(request=request("late"))
    second = ask("b")
    holds.go.set()
    assert [outcomes(each.result(10)) for each in (first, second)] == [[("a", "")], [("b", "")]]
    assert holds.batches == [["a"], ["b"]]


def test_a_call_that_waits_for_a_lock_holds_up_no_other() -> None:
    """There is a second runner."""
    stuck = threading.Event()

    class OneStuck(Holds):
        def run(self, *, request: Any) -> PlaceHoldResponse:
            if any(hold.hold_id == "stuck" for hold in request.holds):
                assert stuck.wait(10)
            return super().run(request=request)

    operation = OneStuck()
    operation.go.set()
    batched = BatchedOperation(operation, "holds")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: batched.run(request=request("stuck")))
        until(lambda: batched.calls._free, lambda free: free == 1)
        assert [outcomes(batched.run(request=request(name))) for name in ("a", "b")] == [[("a", "")], [("b", "")]]
        stuck.set()
        assert outcomes(first.result(10)) == [("stuck", "")]


def test_a_call_that_is_taken_before_it_waits_runs_once(batched: BatchedOperation, holds: Holds) -> None:
    """A leader may take it between the moment it queues and the moment its own thread goes on."""
    batched.calls._free = 0
    waiting = batched.calls._waiting

    class TakenAtOnce(type(waiting)):  # type: ignore[misc]
        def append(self, call: Any) -> None:
            call.state = "taken"
            call.outcome = PlaceHoldResponse()
            threading.Timer(0.1, call.wake, ["done"]).start()

    batched.calls._waiting = TakenAtOnce()
    assert batched.run(request=request("a")) == PlaceHoldResponse()
    assert holds.batches == []


def test_many_calls_at_once_each_get_their_own(batched: BatchedOperation, holds: Holds) -> None:
    """Whatever the threads do: no call is lost, answered twice, or with another's outcome."""
    holds.go.set()
    names = [str(number) for number in range(200)]

    def call(name: str) -> list[tuple[str, str]]:
        time.sleep(0)
        return outcomes(batched.run(request=request(name)))

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(call, names)) == [[(name, "")] for name in names]
    assert sorted(each for batch in holds.batches for each in batch) == sorted(names)
    assert batched.calls._free == 1


def test_what_is_recorded_carries_the_trail_of_its_own_call(holds: Holds, batched: BatchedOperation) -> None:
    """Whoever leads the batch: each hold is of the request that asked for it."""

    def call(hold_id: str) -> None:
        bind(f"request of {hold_id}".replace(" ", "-"))
        batched.run(request=request(hold_id))

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(call, "hld_1")
        until(lambda: holds.batches, bool)
        others = [pool.submit(call, each) for each in ("hld_2", "hld_3")]
        until(lambda: len(batched.calls._waiting), lambda waiting: waiting == 2)
        holds.go.set()
        for each in (first, *others):
            each.result(10)
    assert holds.batches == [["hld_1"], ["hld_2", "hld_3"]] or holds.batches == [["hld_1"], ["hld_3", "hld_2"]]
    assert holds.trails == {each: f"request-of-{each}" for each in ("hld_1", "hld_2", "hld_3")}


def test_the_ids_in_a_message() -> None:
    """Those of its items and of theirs, whatever they are of."""
    line = ReserveRequest.Line(reservation_id="rsv_1", supply_id="sup_1", quantity=2)
    message = ReserveRequest(orders=[ReserveRequest.Order(order_id="ord_1", user_id="usr_1", lines=[line])])
    assert set(named(message)) == {"rsv_1", "sup_1", "ord_1", "usr_1"}
