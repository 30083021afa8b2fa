"""Lists of all cells: complete, in order, page by page, and never short of a cell in silence."""

import base64
import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import ids
from shared.errors import Malformed
from shared.runtime.forwarding.merged import Places, merged, united
from tests.shared.runtime.forwarding.conftest import World
from tests.shared.runtime.forwarding.hosts import Client
from tests.shared.runtime.forwarding.test_forwarding import closed_port

CELLS = ["us", "us2", "eu", "as"]


def cursor(text: str) -> str:
    """A cell's own cursor."""
    return base64.urlsafe_b64encode(text.encode()).decode()


def own_page(items: list[dict[str, str]], after: str | None, limit: int, fields: list[str]) -> dict[str, Any]:
    """A page of one cell, as shared/contracts/operations.py makes it."""
    names = [" ".join(item[field] for field in fields) for item in items]
    begin = 0 if after is None else names.index(base64.urlsafe_b64decode(after).decode()) + 1
    shown = items[begin : begin + limit]
    more = len(items) > begin + limit
    return {"items": shown, "next_cursor": cursor(names[begin + limit - 1]) if more else None}


def read_all(stored: dict[str, list[dict[str, str]]], limit: int, fields: list[str]) -> list[dict[str, str]]:
    """All pages of a list of several cells, one after the other."""
    shown: list[dict[str, str]] = []
    text: str | None = None
    while True:
        places = Places.parse(text, list(stored))
        pages = {cell: own_page(stored[cell], after, limit, fields) for cell, after in places.by_cell.items()}
        found = merged(pages, places, fields, limit)
        assert len(found["items"]) <= limit
        assert found["next_cursor"] is None or len(found["items"]) == limit
        shown += found["items"]
        text = found["next_cursor"]
        if text is None:
            return shown


@given(
    st.lists(st.tuples(st.sampled_from(CELLS), st.sampled_from("abc")), max_size=30), st.integers(1, 7), st.booleans()
)
def test_pages_of_several_cells_are_one_list(made: list[tuple[str, str]], limit: int, grouped: bool) -> None:
    """Every item once, by age, or by its group first, whatever the pages' size and however the cells took turns."""
    fields = ["group", "id"] if grouped else ["id"]
    newest_first = [{"group": group, "id": ids.new("ord", cell)} for cell, group in made][::-1]
    wanted = sorted(newest_first, key=lambda item: item["group"] if grouped else "")
    stored = {cell: [item for item in wanted if ids.cell_of(item["id"]) == cell] for cell in CELLS}
    assert read_all(stored, limit, fields) == wanted


@pytest.mark.parametrize(
    "text", ["", "!", "x", cursor("ord_us_1"), cursor("{}"), cursor('{"mars":null}'), cursor("[1]")]
)
def test_a_cursor_of_another_list_is_refused(text: str) -> None:
    """Whatever it is."""
    with pytest.raises(Malformed):
        Places.parse(text, CELLS)


def test_checks_are_united() -> None:
    """What one cell could not check counts as unchecked, and so does a cell that did not respond."""
    found = united(
        {
            "us": {"checked": ["a", "b"], "violations": [{"subject": "x"}], "unchecked": []},
            "eu": {"checked": ["a"], "violations": [{"subject": "y"}], "unchecked": ["b"]},
        },
        ["as"],
    )
    assert found == {
        "checked": ["a"],
        "violations": [{"subject": "x"}, {"subject": "y"}],
        "unchecked": ["b", "cell as"],
    }


def stocked(world: World, count: int = 9) -> list[str]:
    """Ids of both cells, newest first."""
    made = [ids.new("ord", ("us", "eu", "eu")[number % 3]) for number in range(count)]
    world.us.items = [each for each in made if ids.cell_of(each) == "us"]
    world.eu.items = [each for each in made if ids.cell_of(each) == "eu"]
    return made[::-1]


def pages(client: Client, limit: int, **params: str) -> list[str]:
    """The ids of all pages."""
    shown: list[str] = []
    query: dict[str, Any] = {"limit": limit, **params}
    while True:
        answer = client.ask("GET", "/v1/all", params=query)
        assert answer.status_code == 200, answer.text
        shown += [each["id"] for each in answer.json()["items"]]
        if answer.json()["next_cursor"] is None:
            return shown
        query["cursor"] = answer.json()["next_cursor"]


@pytest.mark.parametrize("limit", [1, 2, 4, 100])
def test_a_list_of_all_cells_is_the_same_at_every_door(world: World, limit: int) -> None:
    """In order of age; the cell before the ULID does not decide."""
    wanted = stocked(world)
    assert pages(world.client("us"), limit) == pages(world.client("eu", "eu"), limit) == wanted
    assert all(ids.age_of(first) > ids.age_of(second) for first, second in pairwise(wanted))


def test_a_list_stays_the_same_while_it_grows(world: World) -> None:
    """New items are before the first page, not between the later ones."""
    wanted, client = stocked(world), world.client()
    first = client.ask("GET", "/v1/all", params={"limit": 3}).json()
    world.us.items.append(ids.new("ord", "us"))
    world.eu.items.append(ids.new("ord", "eu"))
    rest = pages(client, 3, cursor=first["next_cursor"])
    assert [each["id"] for each in first["items"]] + rest == wanted


def test_what_a_list_refuses_is_refused(world: World) -> None:
    """In the order of all checks: the token before the cursor, and a cell's own cursor is none of this list."""
    client = world.client()
    for text in ("nonsense", cursor(ids.new("ord", "us"))):
        answer = client.ask("GET", "/v1/all", params={"cursor": text})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "cursor")
    client.token = "none"
    assert client.ask("GET", "/v1/all", params={"cursor": "nonsense"}).status_code == 401
    assert world.hosts["eu"].requests == []


def test_a_list_without_a_cell_says_so(world: World) -> None:
    """503, which names the cell; who accepts a stale answer gets the rest, and a header that names it."""
    wanted, client = stocked(world), world.client()
    world.addresses["eu"] = f"127.0.0.1:{closed_port()}"
    answer = client.ask("GET", "/v1/all")
    assert (answer.status_code, answer.json()["code"], answer.json()["cell"]) == (503, "CELL_UNREACHABLE", "eu")
    partly = client.ask("GET", "/v1/all", params={"consistency": "eventual", "limit": 2})
    assert (partly.status_code, partly.headers["X-Cells-Missing"]) == (200, "eu")
    ours = [each for each in wanted if ids.cell_of(each) == "us"]
    assert [each["id"] for each in partly.json()["items"]] == ours[:2]
    places = json.loads(base64.urlsafe_b64decode(partly.json()["next_cursor"]))
    assert places["eu"] is None
    assert pages(client, 2, consistency="eventual") == ours


def test_what_is_copied_is_answered_where_it_arrives(world: World) -> None:
    """If a stale answer is accepted; another one is its home's, or of all cells, or 503."""
    wanted, client = stocked(world), world.client()
    theirs = next(each for each in wanted if ids.cell_of(each) == "eu")
    assert client.ask("GET", f"/v1/copies/{theirs}").json()["cell"] == "eu"
    assert [each["id"] for each in client.ask("GET", "/v1/copies", params={"limit": 100}).json()["items"]] == wanted
    world.addresses["eu"] = f"127.0.0.1:{closed_port()}"
    stale = {"consistency": "eventual"}
    assert client.ask("GET", f"/v1/copies/{theirs}", params=stale).json()["cell"] == "us"
    listed = client.ask("GET", "/v1/copies", params={**stale, "limit": "100"})
    assert [each["id"] for each in listed.json()["items"]] == [each for each in wanted if ids.cell_of(each) == "us"]
    assert "X-Cells-Missing" not in listed.headers
    for path, params in ((f"/v1/copies/{theirs}", {}), ("/v1/copies", {}), ("/v1/copies", {"consistency": "strong"})):
        assert client.ask("GET", path, params=params).status_code == 503


def test_an_audit_without_a_cell_says_so(world: World) -> None:
    """It names the cell among what is unchecked."""
    world.eu.unchecked = ("b",)
    client = world.client()
    answer = client.ask("GET", "/v1/checks").json()
    assert answer["checked"] == ["a", "eu", "us"]
    assert sorted(each["subject"] for each in answer["violations"]) == ["eu", "us"]
    assert answer["unchecked"] == ["b"]
    world.addresses["eu"] = f"127.0.0.1:{closed_port()}"
    answer = client.ask("GET", "/v1/checks").json()
    assert (answer["checked"], answer["unchecked"]) == (["a", "us"], ["cell eu"])
