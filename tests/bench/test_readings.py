"""What is parsed: metrics, py-spy's samples and refusals, HTTP responses; and the difference of two readings."""

from collections import Counter

import pytest

from emulators.stack.environment import ROOT
from emulators.stack.sites import Site
from shared.registry import load
from tests.bench.__main__ import LARGE, VENUES, chosen
from tests.bench.counters import (
    Cost,
    Reading,
    deliveries,
    difference,
    kind_of,
    operations,
    pushes,
    redeliveries,
    rpcs,
)
from tests.bench.goals import GOALS
from tests.bench.load import Load, Played, divided, request, status_of
from tests.bench.samples import by_layer, layer_of, refusal

METRICS = """\
# TYPE meridian_operation_duration_seconds histogram
meridian_operation_duration_seconds_bucket{kind="event",le="0.005",operation="capture_hold",outcome="200"} 1.0
meridian_operation_duration_seconds_count{kind="event",operation="capture_hold",outcome="200"} 7.0
meridian_operation_duration_seconds_count{kind="rpc",operation="reserve_stock",outcome="OK"} 1.5e+03
meridian_operation_duration_seconds_sum{kind="event",operation="capture_hold",outcome="200"} 0.2
"""

PACKAGES = f"{ROOT}/.venv/lib/python3.11/site-packages"


def test_operations_are_read_from_metrics() -> None:
    """By row and outcome; sums and buckets are left out."""
    assert operations(METRICS) == {("capture_hold", "200"): 7, ("reserve_stock", "OK"): 1500}


def test_a_cost_is_what_changed_less_what_an_idle_stack_uses() -> None:
    """In as long a time; a counter that appeared in between began at 0."""
    cost = difference(Reading(10, {"cpu edge": 1.0}), Reading(20, {"cpu edge": 3.0, "cpu functions": 8.0}))
    assert cost == Cost(10, {"cpu edge": 2.0, "cpu functions": 8.0})
    net = cost.without(Cost(5, {"cpu edge": 0.5}))
    assert net == Cost(10, {"cpu edge": 1.0, "cpu functions": 8.0})
    assert net.total("cpu") == 9
    assert list(net.of("cpu")) == ["functions", "edge"]


def test_pushes_and_rpcs_are_told_apart_by_the_registry() -> None:
    """A push that was not acknowledged is counted as a redelivery."""
    counts = {
        "op capture_hold 200": 5.0,
        "op open_claim 503": 2.0,
        "op create_order 201": 9.0,
        "op reserve_stock OK": 3.0,
        "op reserve_stock UNAVAILABLE": 1.0,
    }
    cost = Cost(1, counts)
    assert (pushes(cost, load()), redeliveries(cost, load())) == (5, 2)
    assert deliveries(cost, load()) == {"capture_hold": 5}
    assert rpcs(cost, load()) == {"reserve_stock": 4}


def test_processes_of_all_regions_are_of_one_kind() -> None:
    """By their names without site, region or cell."""
    sites = (Site("us", "us-central1", "us-central1"), Site("eu", "europe-west1", "europe-west1"))
    named = {"functions-europe-west1": "functions", "postgres-us": "postgres", "edge": "edge", "relay-us": "relay"}
    assert {name: kind_of(name, sites) for name in named} == named


@pytest.mark.parametrize(
    ("innermost", "layer"),
    [
        (f"{ROOT}/functions/order/domain/placement.py", "domain"),
        (f"{ROOT}/functions/order/create_order.py", "operation"),
        (f"{ROOT}/shared/postgres/database.py", "postgres"),
        (f"{ROOT}/shared/runtime/http.py", "runtime"),
        (f"{PACKAGES}/redis/connection.py", "redis"),
        (f"{PACKAGES}/grpc/_channel.py", "rpc"),
        (f"{PACKAGES}/werkzeug/wrappers/request.py", "framework"),
        (f"{ROOT}/emulators/stack/host.py", "framework"),
    ],
)
def test_a_sample_belongs_to_the_layer_of_its_innermost_known_frame(innermost: str, layer: str) -> None:
    """What the standard library does is its caller's work."""
    outer = f"__call__ ({ROOT}/emulators/stack/host.py:54)"
    assert layer_of(f"{outer};run ({innermost}:7);recv (/usr/lib/python3.11/socket.py:706)") == layer


def test_shares_of_layers_add_up() -> None:
    """Samples without a known frame are `other`."""
    raw = f"a ({ROOT}/shared/redis/cache.py:1) 3\nb (/usr/lib/python3.11/threading.py:2) 1\n\nnot a sample"
    assert by_layer(raw) == {"redis": 0.75, "other": 0.25}


@pytest.mark.parametrize(
    "errors",
    [
        "Permission Denied: Try running again with elevated permissions by going 'sudo env ...'",
        "Error: Operation not permitted (os error 1)",
        "This program requires root on OSX.\nTry running as root",
    ],
)
def test_a_missing_permission_is_one_sentence(errors: str) -> None:
    """It says what to do."""
    message = str(refusal(errors))
    assert message.startswith("py-spy may not read the hosts") and "ptrace_scope=0" in message
    assert "\n" not in message


def test_another_failure_of_py_spy_is_quoted() -> None:
    """In one line."""
    assert str(refusal("Error: No such\n process")).endswith("Error: No such process")


@pytest.mark.parametrize(
    ("received", "status"),
    [
        (b"", None),
        (b"HTTP/1.1 200 OK\r\ncontent-le", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", None),
        (b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello", 201),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
    ],
)
def test_a_response_is_complete_with_its_last_byte(received: bytes, status: int | None) -> None:
    """Whether its length is given or it is chunked."""
    assert status_of(received) == status


def test_a_request_has_its_headers_and_length() -> None:
    """Names of headers are those of arguments, with hyphens."""
    sent = request("POST", "/v1/orders", token="t", body=b"{}", idempotency_key="k")
    assert sent == (
        b"POST /v1/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer t\r\nIdempotency-Key: k\r\n"
        b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )


def test_a_load_is_divided_among_processes() -> None:
    """Requests that are sent once are dealt out; the others are sent by all, in other orders."""
    requests = [bytes([number]) for number in range(5)]
    once = divided(Load(1, requests, 1, once=True, connections=16, rate=10), 2)
    assert [(part.requests, part.connections, part.rate) for part in once] == [
        (requests[::2], 8, 5),
        (requests[1::2], 8, 5),
    ]
    assert [len(part.requests) for part in divided(Load(1, requests, 1), 2)] == [5, 5]
    assert len(divided(Load(1, requests[:1], 1, once=True), 2)) == 1


def test_another_status_is_an_error() -> None:
    """A load that was refused is not fast."""
    assert Played(Counter({201: 3}), 1.5).only(201).rate == 2
    with pytest.raises(RuntimeError, match="429"):
        Played(Counter({201: 3, 429: 1}), 1).only(201)


def test_every_row_with_a_goal_is_measured_by_one_bench() -> None:
    """And no bench measures a row that is not in the table."""
    rows = [row for venue in (*VENUES, *LARGE) for bench in venue.benches for row in bench.rows]
    assert sorted(rows) == sorted(GOALS)


def test_words_choose_benches_by_their_rows() -> None:
    """All words have to be in one row's name."""
    rows = [bench.rows for venue in chosen(VENUES, ["pgledger", "hot"]) for bench in venue.benches]
    assert len(rows) == 1 and "transfer_vs_pgledger_hot" in rows[0]
    assert chosen(VENUES, ["pgledger", "supply"]) == []
