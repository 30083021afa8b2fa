"""What operators watch: cells, their figures, and what does not answer."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser
from emulators.stack.stack import Stack
from emulators.waiting import until
from functions.platform.adapters.figures import SHARE, GrpcFigures, KeptFigures
from functions.platform.figure_views import CellFiguresView, InvariantsView, OverviewView
from functions.platform.read_overview import ReadOverview
from shared.container.measurements import keep_for_operators
from shared.contracts.gen.operators_pb2 import MeasureResponse
from shared.errors import Unavailable
from tests.isolated_services import IsolatedServices
from tests.problems import refused

PATHS = ("/v1/operator/overview", "/v1/operator/cells", "/v1/operator/orders")


@pytest.fixture(scope="module")
def isolated(stack: Stack) -> Iterator[IsolatedServices]:
    """Isolated services for these tests alone, which count everything that is in them."""
    with IsolatedServices.within(stack) as running:
        yield running


def overview(isolated: IsolatedServices) -> OverviewView:
    view: OverviewView = isolated.run("read_overview", request=ReadOverview())
    return view


def money(cell: CellFiguresView) -> dict[str, int]:
    return {each.kind: int(each.amount) for each in cell.money if each.currency == "USDC"}


def test_a_cell_in_figures(isolated: IsolatedServices) -> None:
    """Orders by status, its stock, where the money is, and what waits: figures are a moment old at most."""
    supply = isolated.sell(isolated.new_user(), title="Watched")
    buyer = isolated.new_user(USDC=5000)
    isolated.buy(buyer, (supply, 2))
    isolated.confirm(isolated.place(buyer, (supply, 1)))
    view = until(lambda: overview(isolated), lambda seen: seen.cells[0].orders == {"paid": 1, "confirmed": 1}, 30)
    (cell,) = view.cells
    assert (cell.cell, cell.region) == ("us", "us-central1")
    assert (view.checked[0], view.unchecked) == ("us wallet", [])
    assert {"firestore", "redis", "database wallet"} <= {
        name for name, state in cell.dependencies.items() if state == "ok"
    }
    (stock,) = cell.stock
    assert (stock.supply_id, stock.title) == (supply.id, "Watched")
    assert (stock.quantity, stock.available, stock.reserved, stock.sold) == (10, 7, 3, 0)
    found = until(lambda: money(overview(isolated).cells[0]), lambda seen: seen.get("escrow") == 2000, 30)
    assert (found["wallets"], found["held"], found["faucet"]) == (3000, 1000, -5000)
    assert sum(amount for kind, amount in found.items() if kind != "held") == 0
    services = {each.service: each for each in cell.services}
    assert set(services) == {"wallet", "supply", "order", "claiming", "notification"}
    assert services["order"].unsent_events > 0  # nobody publishes them here
    assert services["order"].breakers


def test_whether_invariants_hold_is_shown(isolated: IsolatedServices) -> None:
    """As the service's relay found it last; null where it has not looked. Nothing is checked for it."""
    resources = isolated.resources
    now = resources.clock.now()
    keep_for_operators("order", resources, {"nobody_is_forgotten": False, "streams_have_no_gaps": True})

    def found() -> dict[str, InvariantsView | None]:
        return {each.service: each.invariants for each in overview(isolated).cells[0].services}

    seen = until(found, lambda services: services["order"] is not None, 30)
    order = seen["order"]
    assert order and (order.holding, order.violated) == (1, ["nobody_is_forgotten"])
    assert order.checked_at >= now
    assert seen["wallet"] is None


def test_a_service_that_does_not_answer_is_named() -> None:
    """The others' figures are shown all the same."""

    class Channel:
        def __init__(self, service: str) -> None:
            self._service = service

        def call(self, rpc: str, *_: object) -> MeasureResponse:
            assert rpc == "Operators.Measure"
            if self._service == "order":
                raise Unavailable("order is away")
            return MeasureResponse(unsent_events=3)

    channel: Any = Channel
    found, missing = GrpcFigures(channel, ["wallet", "order", "supply"]).read_all()
    assert {name: figures.unsent_events for name, figures in found.items()} == {"wallet": 3, "supply": 3}
    assert missing == ["order"]


def test_whoever_watches_costs_little() -> None:
    """Figures are kept for a second, and longer the longer it takes to measure them; a failure is not kept."""
    now, measured = [0.0], [0]

    def measure() -> Any:
        measured[0] += 1
        now[0] += 0.5
        if measured[0] == 3:
            raise TimeoutError
        return measured[0]

    kept: Any = KeptFigures(lambda: now[0])
    assert [kept.get(measure) for _ in range(3)] == [1, 1, 1]
    now[0] += SHARE * 0.5 - 0.1
    assert kept.get(measure) == 1
    now[0] += 0.2
    assert kept.get(measure) == 2
    now[0] += SHARE
    with pytest.raises(TimeoutError):
        kept.get(measure)
    assert kept.get(measure) == 4


def test_the_cells_are_told_with_one_region(stack: Stack, operator: ApiUser) -> None:
    """Without leases nobody keeps it, and nothing can be promoted."""
    (cell,) = operator.get("/v1/operator/cells")["items"]
    assert (cell["cell"], cell["home"], cell["region"], cell["epoch"]) == ("us", "us-central1", "us-central1", 1)
    assert (cell["leased"], cell["standby"], cell["opening"]) == (False, "", False)


def test_only_operators_watch(anyone: Callable[[], ApiUser], operator: ApiUser, subtests: pytest.Subtests) -> None:
    """Neither the figures, nor others' orders, nor a story."""
    somebody: Any = anyone()
    for path in (*PATHS, "/v1/operator/orders/ord_us_01jd5z3k8m9n0p1q2r3s4t5v6w/story"):
        with subtests.test(path):
            refused(somebody.request("GET", path), 403, "SCOPE_MISSING")
    assert [name for name in operator.get(PATHS[0])["checked"] if name.endswith("order")] == ["us order"]
