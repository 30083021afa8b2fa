"""The saga on fakes: whatever a service answers, and wherever it crashes, an order reaches one legal end."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product

import pytest

from shared.errors import Contended, Unavailable
from tests.functions.order.scenes import CRASHED, SCENES, Scene
from tests.functions.order.steps import Crash, Disturbance, Moment, Steps

MOMENTS: tuple[Moment, ...] = ("before", "after")


def fails(error: BaseException) -> Callable[[Scene], None]:
    """A disturbance that raises."""

    def happen(_: Scene) -> None:
        raise error

    return happen


def supply_goes_down(scene: Scene) -> None:
    """Supply answers no more until the scene ends."""
    scene.shop.supply.down = True


def wallet_goes_down(scene: Scene) -> None:
    """The wallet answers no more until the scene ends."""
    scene.shop.wallet.down = True


DISTURBANCES: dict[str, Callable[[Scene], object]] = {
    "the process ends": fails(Crash()),
    "no answer comes": fails(Unavailable()),
    "supply goes down": supply_goes_down,
    "the wallet goes down": wallet_goes_down,
    "the buyer cancels": Scene.cancel,
    "the order expires": Scene.expire,
    "the sweeper comes": Scene.sweep,
    "the client retries": Scene.retry,
}

RECOVERIES: dict[str, Callable[[Scene], object]] = {
    "events and the sweeper": lambda scene: None,
    "the client, then the sweeper": Scene.retry,
    "the buyer's cancellation": Scene.cancel,
    "expiry": Scene.expire,
}


def undisturbed(make: Callable[[], Scene]) -> Steps:
    """The steps of a purchase that nothing disturbs."""
    steps = Steps()
    make().buy(steps)
    return steps


def everywhere(make: Callable[[], Scene]) -> Iterator[tuple[int, Moment, str]]:
    """Before and after each step of a purchase: (number, moment, name)."""
    for at, step in enumerate(undisturbed(make).taken):
        for moment in MOMENTS:
            yield at, moment, step


def disturbed(scene: Scene, at: int, moment: Moment, happen: Callable[[Scene], object]) -> Steps:
    """Steps with a disturbance at one of them."""
    return Steps(Disturbance(at, moment, partial(happen, scene)))


@pytest.mark.parametrize("name", SCENES)
def test_an_undisturbed_purchase_ends_as_the_services_say(name: str) -> None:
    """Without a disturbance the answer is 201 or the service's own code, and what was refused leaves nothing taken."""
    scene = SCENES[name]()
    assert scene.buy() == scene.expected
    if scene.expected != "201":
        assert scene.check() in ("failed", "cancelled")
    assert scene.end() == ("paid" if scene.expected == "201" else scene.check())
    assert scene.shop.released_early == []


def test_the_steps_are_those_of_the_design() -> None:
    """T0 asks, T1 commits, stock is reserved before funds are held, T2 commits; only what was taken is released."""
    begin = ["resumed", "wallet.address", "supply.describe", "commit"]
    assert undisturbed(SCENES["one line"]).taken == [*begin, "supply.reserve", "wallet.hold", "commit"]
    assert undisturbed(SCENES["free"]).taken == [*begin, "supply.reserve", "commit"]
    # Among others it would hold them up: it is reserved again, alone, and waits for units of other cells.
    alone = ["commit", "supply.reserve", "supply.request_units", "supply.reserve", "wallet.hold", "commit"]
    assert undisturbed(SCENES["short in this cell"]).taken == [*begin, "supply.reserve", *alone]
    back = ["supply.release", "wallet.release"]
    assert undisturbed(SCENES["sold out"]).taken == [*begin, "supply.reserve", "commit"]
    assert undisturbed(SCENES["too expensive"]).taken == [*begin, "supply.reserve", "wallet.hold", "commit", *back]
    assert undisturbed(SCENES["free but sold out"]).taken == [*begin, "supply.reserve", "commit"]


@pytest.mark.parametrize("name", SCENES)
def test_a_disturbed_purchase_comes_to_one_legal_end(name: str, subtests: pytest.Subtests) -> None:
    """Whatever happens before or after any step, the order ends paid, or ended with everything released.

    Nothing is released before the outcome but by a cancellation, whose release of the hold is what decides.
    """
    make = SCENES[name]
    for disturbance, recovery in product(DISTURBANCES, RECOVERIES):
        may_be_early = {"hold"} if "cancel" in f"{disturbance} {recovery}" else set()
        with subtests.test(disturbance=disturbance, recovery=recovery):
            for at, moment, step in everywhere(make):
                scene = make()
                try:
                    scene.buy(disturbed(scene, at, moment, DISTURBANCES[disturbance]))
                    RECOVERIES[recovery](scene)
                    scene.end()
                    assert set(scene.shop.released_early) <= may_be_early, scene.shop.released_early
                except AssertionError as error:
                    raise AssertionError(f"{moment} step {at}, {step}: {error}") from error


@pytest.mark.parametrize("name", SCENES)
def test_a_sweeper_that_crashes_as_well_is_followed_by_the_next(name: str) -> None:
    """A crash in the request, and another at any step of the sweeper after it: the sweeper after that ends it."""
    crash = fails(Crash())
    for at, moment, _ in everywhere(SCENES[name]):

        def crashed(at: int = at, moment: Moment = moment) -> Scene:
            scene = SCENES[name]()
            scene.buy(disturbed(scene, at, moment, crash))
            return scene

        sweeping = Steps()
        crashed().sweep(sweeping)
        for later in range(len(sweeping.taken)):
            for then in MOMENTS:
                scene = crashed()
                scene.sweep(disturbed(scene, later, then, crash))
                scene.end()
                assert scene.shop.released_early == []


@pytest.mark.parametrize(("error", "moments"), [(Unavailable(), MOMENTS), (Contended(), ["before"])], ids=repr)
@pytest.mark.parametrize("name", SCENES)
def test_what_fails_once_is_tried_again(name: str, error: Exception, moments: list[Moment]) -> None:
    """One call that fails after the order was placed costs time, not the order: the answer is the same as without."""
    make = SCENES[name]
    placed = undisturbed(make).taken.index("commit")
    for at, moment, step in everywhere(make):
        if at > placed and moment in moments:
            scene = make()
            assert scene.buy(disturbed(scene, at, moment, fails(error))) == scene.expected, f"{moment} {step}"


@pytest.mark.parametrize("down", ["supply", "wallet"])
def test_an_outage_is_answered_in_time(down: str) -> None:
    """While a service stays away the answer is ORDER_PENDING after five seconds, and the same key resumes at once."""
    scene = SCENES["one line"]()
    at = undisturbed(SCENES["one line"]).taken.index("commit")
    began = scene.shop.clock.now()
    goes_down = supply_goes_down if down == "supply" else wallet_goes_down
    assert scene.buy(disturbed(scene, at, "after", goes_down)) == "ORDER_PENDING"
    assert 5 <= (scene.shop.clock.now() - began).total_seconds() <= 10
    scene.shop.supply.down = scene.shop.wallet.down = False
    assert scene.buy() == "201"
    assert scene.end() == "paid"


def test_a_request_in_flight_is_not_resumed() -> None:
    """Until the lease of a crashed request ends, its key is in progress; then a retry resumes it."""
    scene = SCENES["one line"]()
    at = undisturbed(SCENES["one line"]).taken.index("supply.reserve")
    assert scene.buy(disturbed(scene, at, "after", fails(Crash()))) == CRASHED
    assert scene.buy() == "IDEMPOTENCY_IN_PROGRESS"
    scene.shop.clock.pass_by(seconds=10)
    assert scene.buy() == "201"
    assert len(scene.shop.orders()) == 1


def test_an_order_past_its_time_is_not_taken_up() -> None:
    """The sweeper does not confirm what should have been over: it expires, and nothing is taken."""
    scene = SCENES["one line"]()
    at = undisturbed(SCENES["one line"]).taken.index("supply.reserve")
    scene.buy(disturbed(scene, at, "after", fails(Crash())))
    scene.shop.clock.pass_by(minutes=15)
    scene.sweep()
    assert scene.check() == "expired"
