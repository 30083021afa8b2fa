"""The control endpoint: who may call it, what it starts, and what it tells. Nothing here runs a stack."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from emulators.control import actions
from emulators.control.actions import Choice, choices
from emulators.control.address import console_url
from emulators.control.jobs import Job
from emulators.control.rates import DURATION, between, parse, quantile
from emulators.control.server import Control
from emulators.stack.environment import Layout
from emulators.stack.errors import StackError
from emulators.stack.regions.troubles import Troubles
from emulators.stack.stack import Stack
from emulators.stack.state_file import StackState
from emulators.waiting import until
from shared.telemetry.span_export import StoredSpan
from shared.telemetry.spans import FinishedSpan
from tests.emulators.conftest import ASIA, EUROPE, US

TOKEN = "f00d" * 16
HOST = "127.0.0.1:18003"


@pytest.fixture
def stack(three: Layout) -> Stack:
    """A stack of three regions that was started once, and of which nothing runs."""
    StackState.of(three, three.state / "postgres").save(three.state)
    return Stack(three.state)


@pytest.fixture
def client(stack: Stack) -> FlaskClient:
    return Control(stack, TOKEN, HOST).application().test_client()


@pytest.fixture
def call(client: FlaskClient, stack: Stack) -> Callable[..., TestResponse]:
    """Calls the endpoint as the console does: `call("/state")`, `call("/jobs", {"action": "sale"})`."""
    own = {"Host": HOST, "Origin": stack.edge_url, "Authorization": f"Bearer {TOKEN}"}

    def made(path: str, body: Any = None, method: str = "", **headers: str | None) -> TestResponse:
        sent = {name: value for name, value in {**own, **headers}.items() if value is not None}
        method = method or ("GET" if body is None else "POST")
        return client.open(path, method=method, headers=sent, json=body)

    return made


def ended(call: Callable[..., TestResponse], job: TestResponse) -> dict[str, Any]:
    """A job that was started, once it has ended."""
    assert job.status_code == 202, job.text
    number = job.get_json()["id"]
    return until(lambda: call(f"/jobs/{number}").get_json(), lambda seen: seen["status"] != "running", 5)


REFUSED: Mapping[str, tuple[int, dict[str, str | None]]] = {
    "no token": (401, {"Authorization": None}),
    "a wrong token": (401, {"Authorization": f"Bearer {TOKEN[:-1]}0"}),
    "another scheme": (401, {"Authorization": f"Basic {TOKEN}"}),
    "a token beyond ASCII": (401, {"Authorization": "Bearer \xe9"}),
    "a foreign page": (403, {"Origin": "https://evil.example"}),
    "the same host under another port": (403, {"Origin": "http://127.0.0.1:9"}),
    "a page of a file": (403, {"Origin": "null"}),
    "no origin": (403, {"Origin": None}),
    "a name that leads here": (421, {"Host": "evil.example:18003"}),
    "localhost": (421, {"Host": "localhost:18003"}),
}


def test_nobody_else_is_admitted(call: Callable[..., TestResponse], subtests: pytest.Subtests) -> None:
    """Not to look, not to act, and a page elsewhere cannot read even the refusal."""
    for name, (status, headers) in REFUSED.items():
        with subtests.test(name):
            looked, acted = call("/state", **headers), call("/jobs", {"action": "sale"}, **headers)
            assert (looked.status_code, acted.status_code) == (status, status)
            assert looked.get_json()["detail"]
            assert looked.headers["Access-Control-Allow-Origin"] != headers.get("Origin", "*")
    assert call("/jobs").get_json() == {"jobs": []}


def test_a_preflight_is_for_the_edge_alone(call: Callable[..., TestResponse], stack: Stack) -> None:
    """Browsers send none of the headers with it."""
    answer = call("/jobs", method="OPTIONS", Authorization=None)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (204, stack.edge_url)
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert call("/jobs", method="OPTIONS", Origin="https://evil.example").status_code == 403


def test_the_console_is_told_where_and_how(stack: Stack, tmp_path: Path) -> None:
    """The token is behind the #; a stack without the endpoint names the page alone."""
    layout = stack.layout
    assert console_url(layout) == f"{layout.edge_url}/console"
    listening = Layout(layout.state, {**layout.ports, "control": 18003}, layout.sites, {})
    page, _, fragment = console_url(listening).partition("#")
    token = (layout.secrets / "control_token").read_text().strip()
    assert (page, fragment) == (f"{layout.edge_url}/console", f"control=18003&token={token}")
    assert (layout.secrets / "control_token").stat().st_mode & 0o777 == 0o600


def test_one_sale_at_a_time(call: Callable[..., TestResponse], monkeypatch: pytest.MonkeyPatch) -> None:
    """A second one is refused until the first has ended; what is done to regions need not wait for it."""
    go_on = threading.Event()

    def sell(stack: Stack, size: Any) -> Callable[[Job], Mapping[str, Any]]:
        def act(job: Job) -> Mapping[str, Any]:
            job.step, job.done, job.total = "order", 1, size.buyers
            assert go_on.wait(10)
            return {"sold": size.units}

        return act

    monkeypatch.setattr(actions, "sell", sell)
    monkeypatch.setattr(actions, "on_regions", lambda *_: lambda _: {})
    first = call("/jobs", {"action": "sale", "size": {"supplies": 1, "units": 7, "buyers": 9}})
    seen = until(lambda: call("/jobs").get_json()["jobs"][0], lambda job: job["step"] == "order", 5)
    assert (seen["status"], seen["done"], seen["total"]) == ("running", 1, 9)
    second = call("/jobs", {"action": "sale"})
    assert (second.status_code, second.get_json()["job"]) == (409, first.get_json()["id"])
    assert ended(call, call("/jobs", {"action": "kill", "regions": [ASIA]}))["status"] == "done"
    go_on.set()
    assert ended(call, first)["outcome"] == {"sold": 7}
    assert call("/jobs", {"action": "sale"}).status_code == 202


def test_a_job_that_fails_says_why(
    call: Callable[..., TestResponse], monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    """In the sentence of what prevented it, or by the defect's name; the endpoint goes on."""
    sentence = "The lease of as is still renewed."
    for error, told in ((StackError(sentence), sentence), (KeyError("as"), "KeyError: 'as'")):
        with subtests.test(told):

            def fails(_: Job, error: Exception = error) -> Mapping[str, Any]:
                raise error

            monkeypatch.setattr(actions, "on_regions", lambda *_, act=fails: act)
            job = ended(call, call("/jobs", {"action": "promote", "regions": [ASIA]}))
            assert (job["status"], job["failure"]) == ("failed", told)


def test_what_cannot_be_understood_is_refused(call: Callable[..., TestResponse], client: FlaskClient) -> None:
    """In a sentence, and nothing is started."""
    assert call("/jobs", {"action": "kill", "regions": ["atlantis"]}).status_code == 404
    for body in (
        {"action": "kill"},
        {"action": "cut", "regions": [US]},
        {"action": "format", "regions": [US]},
        {"action": "sale", "size": {"buyers": 10**6}},
        {"action": "sale", "tickets": 1},
        ["sale"],
    ):
        assert call("/jobs", body).status_code == 400, body
    assert call("/jobs", method="POST").status_code == 415
    assert call("/jobs/7").status_code == 404
    assert call("/nothing").status_code == 404
    assert call("/traces?id=../secrets/control_token").status_code == 409
    assert call("/jobs").get_json() == {"jobs": []}


def test_what_may_be_done_to_regions_has_a_reason_if_it_may_not(three: Layout) -> None:
    """A living region is not promoted, a dead one not killed, and a pair is cut once."""

    def possible(troubles: Troubles) -> set[tuple[str, ...]]:
        return {(each.action, *each.regions) for each in choices(three, troubles) if not each.reason}

    pairs = {("cut", US, EUROPE), ("cut", US, ASIA), ("cut", EUROPE, ASIA)}
    assert possible(Troubles()) == {("kill", US), ("kill", EUROPE), ("kill", ASIA), *pairs}
    down = possible(Troubles(killed=frozenset({ASIA})))
    assert down == {("kill", US), ("kill", EUROPE), ("heal", ASIA), ("promote", ASIA), *pairs}
    both = possible(Troubles(killed=frozenset({ASIA, US})))  # the standby of asia's cell is there
    assert ("promote", ASIA) not in both
    moved = choices(three, Troubles(killed=frozenset({ASIA}), moved={"as": US}))
    assert Choice("promote", (ASIA,), f"No cell is served in {ASIA} any more.") in moved
    assert ("uncut", US, EUROPE) in possible(Troubles(cut=frozenset({(EUROPE, US)})))


def exported(orders: int, slow: int, failed: int) -> str:
    """What a host exports after so many orders, of which some took 50 to 100 ms, the rest 5 to 10, some were a 503."""
    labels = 'kind="http",operation="create_order",outcome="201"'
    bad = 'kind="http",operation="create_order",outcome="503"'
    counted = {"0.005": 0, "0.01": orders - slow, "0.05": orders - slow, "0.1": orders, "+Inf": orders}
    lines = [f"# TYPE {DURATION} histogram"]
    lines += [f'{DURATION}_bucket{{{labels},le="{least}"}} {count}' for least, count in counted.items()]
    lines += [f"{DURATION}_count{{{labels}}} {orders}", f"{DURATION}_sum{{{labels}}} 1"]
    lines += [f'{DURATION}_bucket{{{bad},le="+Inf"}} 0', f"{DURATION}_count{{{bad}}} {failed}"]
    lines += [f"{DURATION}_sum{{{bad}}} 0", f'{DURATION}_count{{kind="rpc",operation="x",outcome="OK"}} 1000']
    return "\n".join([*lines, ""])


def test_rates_are_between_two_samples() -> None:
    """Of orders and of all HTTP requests, not of what hosts ask one another."""
    before, after = parse(exported(100, 0, 0), 10.0), parse(exported(200, 2, 4), 20.0)
    assert between([before]) is None
    rates = between([before, after])
    assert rates is not None
    assert (rates.orders_per_second, rates.requests_per_second, rates.failed_per_second) == (10, 10.4, 0.4)
    assert (rates.order_p50_ms, rates.order_p99_ms) == (7.6, 75.0)
    quiet = between([after, parse(exported(200, 2, 4), 30.0)])
    assert quiet is not None
    assert (quiet.orders_per_second, quiet.order_p99_ms) == (0, None)
    assert quantile({0.1: 0, float("inf"): 5}, 0.5) == 100.0


def test_a_trace_is_the_tree_with_its_times(call: Callable[..., TestResponse], stack: Stack) -> None:
    """Each span with its depth, after the first one began."""
    folder, trace = stack.layout.traces, "ab" * 16
    folder.mkdir(exist_ok=True)

    def stored(span_id: str, parent_id: str, start: int, end: int) -> bytes:
        span = msgspec.convert(
            {"name": span_id, "kind": "server", "trace_id": trace, "span_id": span_id, "parent_id": parent_id,
             "start": start, "end": end, "failed": False, "attributes": {}},
            FinishedSpan,
        )  # fmt: skip
        return msgspec.json.encode(StoredSpan("functions-us-central1", span))

    lines = [stored("b", "a", 3_000_000, 5_000_000), stored("a", "", 1_000_000, 9_000_000)]
    (folder / "functions-1.spans").write_bytes(b"\n".join(lines) + b"\n")
    (told,) = call(f"/traces?id={trace}").get_json()["traces"]
    assert [(each["name"], each["depth"], each["began_ms"], each["took_ms"]) for each in told["spans"]] == [
        ("a", 0, 0.0, 8.0),
        ("b", 1, 2.0, 2.0),
    ]
    assert told["left_out"] == 0
