"""Eventually consistent reads, on a real standby of the stack's database server."""

import threading
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import flask
import pytest
from msgspec.structs import replace

from emulators.demo.api_user import ApiUser, fresh_key
from emulators.stack.stack import Stack
from emulators.waiting import until
from functions import main
from shared.config import Settings
from shared.postgres.replica_lag import MAX_LAG_SECONDS, keep_heartbeats
from shared.registry import load
from shared.resources import Resources
from shared.runtime.http import HttpOperation
from tests.problems import refused
from tests.standby import Standby, standby

Serve = Callable[[str, ApiUser, str], flask.Response]


@pytest.fixture(scope="module")
def follower(stack: Stack) -> Iterator[Standby]:
    """A standby."""
    with standby(stack) as following:
        yield following


@pytest.fixture(scope="module")
def parts(settings: Settings, follower: Standby, resources: Resources) -> Resources:
    """The stack's real parts, with a replica."""
    return Resources(replace(settings, replica_host="127.0.0.1", replica_port=follower.port))


@pytest.fixture(scope="module", autouse=True)
def beating(parts: Resources) -> Iterator[None]:
    """The servers that are written to note the time, as where workers know of a replica."""
    stop = threading.Event()
    databases = [parts.database(name) for name, service in load().services.items() if service.database]
    hearts = [threading.Thread(target=keep_heartbeats, args=(database, stop), daemon=True) for database in databases]
    for heart in hearts:
        heart.start()
    yield
    stop.set()
    for heart in hearts:
        heart.join(30)


@pytest.fixture(scope="module")
def serve(parts: Resources) -> Serve:
    """Asks a function with a replica: `serve("get_order", buyer, "/v1/orders/...")`; other processes have none."""

    def ask(name: str, person: ApiUser, path: str) -> flask.Response:
        with patch.object(main, "resources", lambda: parts):
            bound = main.bind(load().rows[name])
        operation = HttpOperation(bound, parts.settings, parts.clock, parts.sessions(), parts.limits(), parts.cache())
        token = {"Authorization": f"Bearer {person.access_token}"}
        with flask.Flask("test").test_request_context(path, headers=token) as context:
            return operation(context.request)

    return ask


@pytest.fixture
def caught_up(parts: Resources, follower: Standby) -> Callable[[], None]:
    """Waits until the standby has all that was committed so far."""

    def wait() -> None:
        with parts.database("order").transaction() as transaction:
            expected = transaction.run("select pg_current_wal_lsn()::text as at", {})[0]["at"]
        until(lambda: follower.run(f"select pg_last_wal_replay_lsn() >= '{expected}'::pg_lsn"), lambda rows: rows[0][0])

    return wait


def mode(response: flask.Response) -> tuple[int, str, float]:
    """Status, how it was read, and how old it is at most."""
    consistency, _, lag = response.headers["X-Consistency"].partition("; lag=")
    return response.status_code, consistency, float(lag or 0)


def eventually(
    serve: Serve, person: ApiUser, path: str, expected: str = "eventual", name: str = "get_order"
) -> flask.Response:
    """The first answer that was read as wanted."""

    def ask() -> flask.Response:
        return serve(name, person, f"{path}?consistency=eventual")

    return until(ask, lambda response: mode(response)[1] == expected)


@pytest.fixture
def order(buyer: ApiUser, on_sale: Callable[..., Any], ordered: Callable[..., Any]) -> dict[str, Any]:
    """An order of the buyer."""
    placed: dict[str, Any] = ordered(buyer, on_sale())
    return placed


def test_it_is_read_from_the_replica_with_its_lag(
    serve: Serve, buyer: ApiUser, order: dict[str, Any], caught_up: Callable[[], None], follower: Standby
) -> None:
    """An eventual read comes from the standby, with an upper bound of its age."""
    path = f"/v1/orders/{order['id']}"
    caught_up()
    response = eventually(serve, buyer, path)
    assert response.get_json()["id"] == order["id"]
    assert 0 <= mode(response)[2] <= MAX_LAG_SECONDS


def test_nothing_else_is(
    serve: Serve,
    parts: Resources,
    buyer: ApiUser,
    order: dict[str, Any],
    caught_up: Callable[[], None],
    follower: Standby,
) -> None:
    """What a standby does not have yet is not there for an eventual read; for any other it is, at once."""
    caught_up()
    with follower.behind():
        body = {"wallet_id": buyer.wallet_id, "items": [{"supply_id": order["items"][0]["supply_id"], "quantity": 1}]}
        later = buyer.post("/v1/orders", body, key=fresh_key())
        path = f"/v1/orders/{later['id']}"
        for consistency in ("", "?consistency=strong"):
            assert serve("get_order", buyer, path + consistency).get_json()["id"] == later["id"]
        behind = serve("get_order", buyer, f"{path}?consistency=eventual")
        # On a machine so slow that the standby is too far behind by now, the primary answers.
        assert (behind.status_code == 404) == ("X-Consistency" not in behind.headers)
        assert behind.status_code == 404 or mode(behind)[:2] == (200, "strong")


@pytest.mark.long
def test_one_that_is_far_behind_is_left_out(
    serve: Serve, buyer: ApiUser, order: dict[str, Any], caught_up: Callable[[], None], follower: Standby
) -> None:
    """The primary responds instead, and says so; later the standby does again."""
    path = f"/v1/orders/{order['id']}"
    caught_up()
    with follower.behind():
        assert eventually(serve, buyer, path, "strong").status_code == 200
    caught_up()
    assert eventually(serve, buyer, path).status_code == 200


def test_it_is_anothers_there_too(
    serve: Serve, merchant: ApiUser, anyone: Callable[[], ApiUser], order: dict[str, Any], caught_up: Callable[[], None]
) -> None:
    """On a replica everybody sees what is theirs, and nothing else."""
    caught_up()
    answer = serve("get_order", anyone(), f"/v1/orders/{order['id']}?consistency=eventual")
    assert answer.status_code == 404
    assert serve("get_order", merchant, f"/v1/orders/{order['id']}?consistency=eventual").status_code == 200


def test_every_row_that_may_reads_there(serve: Serve, buyer: ApiUser, caught_up: Callable[[], None]) -> None:
    """Lists and things of each service; nothing that they do writes."""
    caught_up()
    for row in load().http_rows():
        if row.replica and not row.parameters:
            assert eventually(serve, buyer, row.path, name=row.name).status_code == 200


@pytest.mark.parametrize("query", ["consistency=", "consistency=weak", "consistency=strong&consistency=eventual"])
def test_what_is_no_consistency_is_refused(buyer: ApiUser, query: str) -> None:
    """One of two words, once."""
    refused(buyer.request("GET", f"/v1/orders?{query}"), 400, "VALIDATION_FAILED", "consistency")


def test_where_there_is_none_all_is_strong(buyer: ApiUser) -> None:
    """A read may always be eventual; without a replica it is strong."""
    for path in ("/v1/orders?consistency=eventual", f"/v1/wallets/{buyer.wallet_id}/balances?consistency=eventual"):
        response = buyer.request("GET", path)
        assert (response.status_code, response.headers["X-Consistency"]) == (200, "strong")
    assert "X-Consistency" not in buyer.request("GET", "/v1/orders").headers


def test_without_it_the_primary_answers(
    serve: Serve, buyer: ApiUser, order: dict[str, Any], caught_up: Callable[[], None], follower: Standby
) -> None:
    """A standby that dies costs nobody an answer; one that is back is read from again."""
    path = f"/v1/orders/{order['id']}"
    follower.kill()
    response = serve("get_order", buyer, f"{path}?consistency=eventual")
    assert mode(response)[:2] == (200, "strong")
    follower.start()
    caught_up()
    assert eventually(serve, buyer, path).get_json()["id"] == order["id"]
