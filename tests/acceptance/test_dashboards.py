"""Every panel's query has data on a real Prometheus that has scraped a real sale; so has what is recorded."""

import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml

from cloudbuild.observability.dashboards import BOARDS
from cloudbuild.observability.queries import RECORDINGS, for_prometheus, spelt_out
from emulators.demo.api_user import ApiUser
from emulators.stack.parts import observe
from emulators.stack.ports import HOST, Ports
from emulators.stack.stack import Stack
from emulators.waiting import until
from tests.webhook_receiver import WebhookReceiver

EVERY: Final = "2s"
SALES: Final = 3
COUNTED: Final = (
    'meridian_operation_duration_seconds_count{operation="create_order"}',
    'meridian_event_stage_seconds_count{type="order.paid"}',
)
"""What a sale counts first, and last."""

DATA_SECONDS: Final = 240.0
"""How long a panel may lack data: schedules tick every minute, and a rate takes two scrapes of what has happened."""


class Prometheus:
    """A server's API."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=30)

    def ask(self, query: str) -> list[Any]:
        """The series of an instant query. Raises httpx.HTTPStatusError if it is none."""
        answer = self._http.get("/api/v1/query", params={"query": query}).raise_for_status().json()
        found: list[Any] = answer["data"]["result"]
        return [each for each in found if each["value"][1] != "NaN"]

    def ready(self) -> bool:
        """Whether it serves."""
        try:
            return self._http.get("/-/ready").is_success
        except httpx.HTTPError:
            return False


@pytest.fixture(scope="module")
def prometheus(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A server with our rules, which scrapes the stack often."""
    folder = tmp_path_factory.mktemp("prometheus")
    ports = Ports([observe.PROMETHEUS], free=True)
    address = f"{HOST}:{ports.chosen[observe.PROMETHEUS]}"
    configuration = observe.scraping(stack.layout)
    configuration["global"] = {"scrape_interval": EVERY, "evaluation_interval": EVERY}
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    options = {"config.file": folder / "prometheus.yaml", "storage.tsdb.path": folder, "web.listen-address": address}
    command = [observe.COMMANDS[observe.PROMETHEUS], *(f"--{name}={value}" for name, value in options.items())]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        made = Prometheus(f"http://{address}")
        until(made.ready, bool)
        yield made
    finally:
        server.terminate()
        server.wait()
        ports.release()


@pytest.fixture
def sold(
    prometheus: Prometheus,
    buyer: ApiUser,
    on_sale: Callable[..., dict[str, Any]],
    paid_order: Callable[..., dict[str, Any]],
) -> Iterator[Path]:
    """A sale: bought, paid, claimed and looked at, with a webhook, while it is scraped."""
    with WebhookReceiver() as receiver:
        buyer.post("/v1/webhooks", {"url": receiver.url, "events": ["order.paid"]})
        supply = on_sale()

        def buy() -> None:
            order = paid_order(buyer, supply)
            buyer.post("/v1/claims", {"order_id": order["id"]})
            buyer.get(f"/v1/orders/{order['id']}")

        buy()
        for counted in COUNTED:  # a rate is of what comes after the first scrape
            until(partial(prometheus.ask, counted), bool)
        for _ in range(SALES):
            buy()
        until(lambda: len(receiver.received) >= SALES, bool, 60)
        yield Path(receiver.url)


@pytest.mark.usefixtures("sold")
def test_every_panel_shows_data(prometheus: Prometheus) -> None:
    """As Grafana asks, and as Cloud Monitoring does, where nothing is recorded."""
    queries = {
        (board.name, panel.title, name): text(panel.query)
        for board in BOARDS
        for panel in board.panels
        for name, text in (("grafana", for_prometheus), ("cloud", spelt_out))
    }
    missing = set(queries)

    def look() -> set[tuple[str, str, str]]:
        """Each is seen once: what is of the last minutes may be gone again when what takes minutes has come."""
        missing.difference_update([name for name in missing if prometheus.ask(queries[name])])
        return missing

    until(look, lambda left: not left, DATA_SECONDS)


@pytest.mark.usefixtures("sold")
def test_every_rule_is_evaluated(prometheus: Prometheus) -> None:
    """What is recorded over each window; and no alert fires on a sale that went well."""
    until(
        lambda: [each.name for each in RECORDINGS if not prometheus.ask(each.name)], lambda left: not left, DATA_SECONDS
    )
    firing = {each["metric"]["alertname"] for each in prometheus.ask('ALERTS{alertstate="firing"}')}
    money = {"MoneyInvariantViolated", "InvariantViolated", "EventsParked", "ProcessDown", "InvariantsUnchecked"}
    assert firing & money == set()
