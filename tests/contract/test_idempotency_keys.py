"""Idempotency keys, on every route that requires one; elsewhere they are ignored."""

import pytest

from emulators.demo.api_user import fresh_key
from shared.registry import Row
from tests.contract.api import ROWS, Api, filled, name_of, problem
from tests.contract.conftest import World
from tests.contract.samples import SAMPLES
from tests.contract.test_answers import succeed

KEYED = [row for row in ROWS if row.idempotency]
UNKEYED = [row for row in ROWS if not row.idempotency]
BAD_KEYS: list[str | bytes] = ["", "x", "x" * 15, "x" * 256, "x" * 5000, "x" * 16 + " x", "x" * 8 + "\t" + "x" * 8]
BAD_KEYS += ["é".encode() * 16, b"\xff" * 16]


@pytest.mark.parametrize("row", KEYED, ids=name_of)
def test_a_key_is_wanted(api: Api, row: Row) -> None:
    """Without a key of 16 to 255 printable ASCII characters, none a comma, nothing is done."""
    problem(api.ask(row, key=None), 400, "IDEMPOTENCY_KEY_REQUIRED", "Idempotency-Key")
    for bad in BAD_KEYS:
        answer = api.ask(row, headers={"Idempotency-Key": bad})
        problem(answer, 400, "IDEMPOTENCY_KEY_MALFORMED", "Idempotency-Key")


@pytest.mark.parametrize("row", KEYED, ids=name_of)
def test_keys_of_every_character_and_length_are_taken(api: Api, row: Row, world: World) -> None:
    """16 and 255 characters are enough and not too many, and each may be any that can be seen but a comma."""
    printable = "".join(map(chr, range(ord("!"), ord("~") + 1))).replace(",", "")
    for key in (fresh_key()[:16], fresh_key() + "x" * 223, fresh_key() + printable):
        succeed(api, row, world, key=key)


@pytest.mark.parametrize("row", KEYED, ids=name_of)
def test_a_replay_is_the_same_answer(api: Api, row: Row, world: World) -> None:
    """The same request under the same key is answered with the same bytes, and says that it is a replay."""
    sample, key = SAMPLES[row.name](world), fresh_key()
    body, path = sample.body, filled(row, sample.path)
    first = api.ask(row, path=path, body=body, key=key)
    assert first.status_code == row.success, first.text
    again = api.ask(row, path=path, body=body, key=key, headers={"X-Request-Id": "another"})
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["X-Request-Id"] == "another"
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
    assert again.headers.get("ETag") == first.headers.get("ETag")


@pytest.mark.parametrize("row", KEYED, ids=name_of)
def test_a_key_is_for_one_request(api: Api, row: Row, world: World) -> None:
    """Another good request under the same key is 422, and takes no effect."""
    key = fresh_key()
    succeed(api, row, world, key=key)
    problem(api.ask(row, key=key), 422, "IDEMPOTENCY_KEY_REUSED")


@pytest.mark.parametrize("row", KEYED, ids=name_of)
def test_a_key_that_is_sent_twice_is_no_other_key(api: Api, row: Row, world: World) -> None:
    """A request whose key a proxy sends twice is refused, the same one or two: it would be done again."""
    sample, one = SAMPLES[row.name](world), fresh_key()
    body, path = sample.body, filled(row, sample.path)
    first = api.ask(row, path=path, body=body, key=one)
    assert first.status_code == row.success
    for two in (one, fresh_key(), ""):
        both = api.ask(row, path=path, body=body, headers={"Idempotency-Key": one, "idempotency-key": two})
        problem(both, 400, "DUPLICATE_HEADER", "Idempotency-Key")


@pytest.mark.parametrize("row", UNKEYED, ids=name_of)
def test_keys_are_nothing_elsewhere(api: Api, row: Row) -> None:
    """On other routes a key, good or bad, changes nothing."""
    plain = api.ask(row)
    for key in (fresh_key(), "x", b"\xff", "x" * 5000):
        answer = api.ask(row, headers={"Idempotency-Key": key})
        assert answer.status_code == plain.status_code, answer.text
        assert "Idempotent-Replayed" not in answer.headers


def test_a_key_elsewhere_makes_no_replay(api: Api, world: World) -> None:
    """Twice the same gift under one key is two gifts: the faucet does not look at keys."""
    row, key = next(row for row in ROWS if row.name == "faucet"), fresh_key()
    body = {"wallet_id": world.owner.wallet_id, "currency": "MATIC", "amount": "1"}
    first, again = (api.ask(row, body=body, headers={"Idempotency-Key": key}) for _ in range(2))
    assert first.status_code == again.status_code == 201
    assert first.json()["id"] != again.json()["id"]


def test_a_replay_of_a_refusal(api: Api, world: World) -> None:
    """A domain refusal is replayed too: same status, same bytes, same order."""
    row, key = next(row for row in ROWS if row.name == "create_order"), fresh_key()
    poor = world.stranger
    supply = world.owner.post("/v1/supplies", {**_terms(), "unit_price": str(10**30)}, key=fresh_key())
    body = {"wallet_id": poor.wallet_id, "items": [{"supply_id": supply["id"], "quantity": 1}]}
    token = api.token_for(row, poor)
    first = api.ask(row, body=body, key=key, token=token)
    assert problem(first, 409, "INSUFFICIENT_FUNDS")["order_id"].startswith("ord_")
    again = api.ask(row, path=filled(row), body=body, key=key, token=token)
    assert (again.status_code, again.content) == (409, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Content-Type"] == "application/problem+json"


def _terms() -> dict[str, object]:
    return {"title": "A dear thing", "currency": "USDC", "quantity": 1, "status": "active"}
