"""ETags, on every route that returns one resource."""

import re

import pytest

from emulators.demo.api_user import fresh_key
from shared.registry import Row
from tests.contract.api import READS, ROWS, Api, filled, name_of, operation, problem
from tests.contract.conftest import World
from tests.contract.samples import SAMPLES

TAG = re.compile(r'"[\x21\x23-\x7e]+"')


def tagged(row: Row) -> bool:
    """Whether the document says that a row's success has an ETag."""
    return "ETag" in operation(row)["responses"][str(row.success)]["headers"]


TAGGED = [row for row in ROWS if tagged(row)]
READ = [row for row in TAGGED if row in READS]
MATCHED = [row for row in ROWS if row.if_match]


def test_single_resources_have_tags() -> None:
    """Supplies, wallets, orders, claims and withdrawals."""
    assert {"get_supply", "get_wallet", "get_order", "get_claim", "get_withdrawal"} <= {row.name for row in READ}


@pytest.mark.parametrize("row", READ, ids=name_of)
def test_who_knows_a_version_is_not_sent_it_again(api: Api, world: World, row: Row) -> None:
    """304 without a body, with the tag; any other tag, and none, is answered in full."""
    path = filled(row, world.known)
    seen = api.ask(row, path=path)
    assert seen.status_code == 200
    tag = seen.headers["ETag"]
    assert TAG.fullmatch(tag)
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = api.ask(row, path=path, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b""), again.text
        assert again.headers["ETag"] == tag
        assert again.headers["Cache-Control"] == row.cache != "no-store"
        assert "Content-Type" not in again.headers
        assert again.headers["X-Request-Id"]
    for other in ('"other"', 'W/"other"', tag.replace('"', "'").join('""')):
        assert api.ask(row, path=path, headers={"If-None-Match": other}).content == seen.content


@pytest.mark.parametrize("row", READ, ids=name_of)
def test_a_malformed_tag_is_400(api: Api, world: World, row: Row) -> None:
    """Before anything is looked for."""
    for path in (filled(row, world.known), filled(row)):
        for bad in ("", "x", '"1', '*, "1"'):
            answer = api.ask(row, path=path, headers={"If-None-Match": bad})
            problem(answer, 400, "VALIDATION_FAILED", "If-None-Match")


@pytest.mark.parametrize("row", [row for row in READ if row.scope != "public"], ids=name_of)
def test_what_is_not_there_has_no_tag(api: Api, world: World, row: Row) -> None:
    """Not even `*` makes 304 of a 404, of what is not one's own either."""
    for path, token in ((filled(row), ""), (filled(row, world.known), api.token_for(row, world.stranger))):
        answer = api.ask(row, path=path, token=token, headers={"If-None-Match": "*"})
        problem(answer, 404)
        assert "ETag" not in answer.headers


@pytest.mark.parametrize("row", [row for row in READS if row not in READ], ids=name_of)
def test_elsewhere_they_are_nothing(api: Api, world: World, row: Row) -> None:
    """A list, or what has no state, is answered in full, whatever tags are named."""
    path = filled(row, world.known)
    for known in ("*", '"1"', "nonsense"):
        answer = api.ask(row, path=path, headers={"If-None-Match": known, "If-Match": known})
        assert answer.status_code == 200, answer.text
        assert "ETag" not in answer.headers


@pytest.mark.parametrize("row", MATCHED, ids=name_of)
def test_a_version_is_wanted(api: Api, world: World, row: Row) -> None:
    """428 without one, 400 for none, after the body and before what does not exist; 412 for another."""
    sample = SAMPLES[row.name](world)
    mine, nobodys = filled(row, sample.path), filled(row)
    for path in (mine, nobodys):
        problem(api.ask(row, path=path, headers={"If-Match": None}), 428, "PRECONDITION_REQUIRED")
        problem(api.ask(row, path=path, headers={"If-Match": "1"}), 400, "VALIDATION_FAILED", "If-Match")
        problem(api.ask(row, path=path, headers={"If-Match": None}, body={"unknown": 1}), 400, "VALIDATION_FAILED")
    problem(api.ask(row, path=mine, headers={"If-Match": '"0-0"'}), 412, "PRECONDITION_FAILED")
    problem(api.ask(row, path=nobodys, headers={"If-Match": '"0-0"'}), 404)
    good = api.ask(row, path=mine, body=sample.body)
    assert good.status_code == row.success, good.text


@pytest.mark.parametrize("row", [row for row in TAGGED if row not in READS and row.name in SAMPLES], ids=name_of)
def test_what_is_written_has_the_tag_that_is_read(api: Api, world: World, row: Row) -> None:
    """The response of a write has the version that it made; a replay has the same, whatever has happened since."""
    sample, key = SAMPLES[row.name](world), fresh_key()
    body = ... if sample.body is None else sample.body
    written = api.ask(row, path=filled(row, {**world.known, **sample.path}), body=body, key=key)
    assert TAG.fullmatch(written.headers["ETag"]), written.text
    if row.idempotency:
        again = api.ask(row, path=filled(row, {**world.known, **sample.path}), body=body, key=key)
        assert again.headers["ETag"] == written.headers["ETag"]
