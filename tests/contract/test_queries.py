"""Query parameters, and lists: limit, cursor, their order, and that no item is missed or repeated."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from shared.registry import Row
from tests.contract.api import (
    READS,
    ROWS,
    WITH_ID,
    Api,
    answer_schema,
    filled,
    name_of,
    operation,
    problem,
    query_names,
    resolved,
)
from tests.contract.conftest import World, funded, hook_of, supply_of

FEEDS = ["list_activity"]
"""Lists that have no end: there is always somewhere from where to read on. Their own tests walk them."""
LISTS = [row for row in READS if set(answer_schema(row).get("properties", {})) == {"items", "next_cursor"}]
WITH_QUERY = [row for row in READS if query_names(row)]
LIMITED = [row for row in READS if "limit" in query_names(row)]
OWN_LISTS = [row for row in LISTS if row.scope != "operator" and row.name not in FEEDS]
"""Lists of what is the caller's own; tests of the others are with their rows."""
OLDEST_FIRST = {"list_order_events": "version", "list_currencies": "currency"}
"""Lists that run oldest first or by name, and by which member; the others run newest first, by id."""


UNKNOWN = ["unknown", "Limit", "limit%20", "limit[]", "%00", "%FF", "é", "__proto__", "", "a.b"]


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_unknown_parameters_are_400(api: Api, row: Row, subtests: pytest.Subtests) -> None:
    """A parameter that a route does not have is refused, on reads and writes alike."""
    for name in UNKNOWN:
        with subtests.test(name=name):
            answer = problem(api.ask(row, query=f"?{quote(name, safe='%[]')}=1"), 400, "VALIDATION_FAILED")
            assert len(answer["errors"]) == 1


def test_path_parameters_are_not_for_the_query(api: Api, subtests: pytest.Subtests) -> None:
    """What the path names cannot be named again."""
    for row in WITH_ID:
        with subtests.test(row=row.name):
            for name in row.parameters:
                problem(api.ask(row, query=f"?{name}=x"), 400, "VALIDATION_FAILED", name)


def test_repeated_parameters_are_400(api: Api, subtests: pytest.Subtests) -> None:
    """No value wins silently over another, nor over an equal one."""
    for row in WITH_QUERY:
        with subtests.test(row=row.name):
            for name in query_names(row):
                for first, second in (("1", "1"), ("1", "2"), ("", "")):
                    problem(api.ask(row, query=f"?{name}={first}&{name}={second}"), 400, "VALIDATION_FAILED", name)


ENUMERATED = [
    (row, parameter["name"])
    for row in READS
    for parameter in operation(row).get("parameters", [])
    if parameter["in"] == "query" and "enum" in resolved(parameter["schema"])
]
"""The parameters that have a few words for values, with their rows."""


@pytest.mark.parametrize(("row", "name"), ENUMERATED, ids=lambda each: getattr(each, "name", each))
def test_words_that_are_none_of_a_few_are_400(api: Api, row: Row, world: World, name: str) -> None:
    """Not an empty list, by which a slip would look like nothing to see."""
    for value in ("DOGE", "", "usdc", "ACTIVE", "active,paid", "null", "%00", "*"):
        problem(api.ask(row, path=filled(row, world.known), query=f"?{name}={value}"), 400, "VALIDATION_FAILED", name)


def test_the_few_words_are_known() -> None:
    """What the contract enumerates is enumerated."""
    known = {(row.name, name) for row, name in ENUMERATED if name != "consistency"}
    assert {
        ("list_supplies", "currency"),
        ("list_supplies", "status"),
        ("list_orders", "status"),
        ("list_orders", "merchant"),
        ("list_claims", "status"),
    } <= known | {(row.name, name) for row in READS for name in query_names(row) if "const" in _schema(row, name)}


def _schema(row: Row, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(p["schema"] for p in operation(row)["parameters"] if p["name"] == name)
    return found


LIMITS = ["0", "101", "-1", "x", "", "1.0", "1e1", "+1", "%201", "1%20", "0x10", "1_0", "01", "%EF%BC%91"]
LIMITS += ["true", "null", "NaN", "1e400", "9" * 20, "9" * 5000, "%00", "1%00", "1%0A", "[1]", "%22" + "1%22"]


@pytest.mark.parametrize("row", LIMITED, ids=name_of)
def test_other_limits_are_400(api: Api, row: Row, world: World, subtests: pytest.Subtests) -> None:
    """A limit is written as one writes an integer of 1 to 100."""
    path = filled(row, world.known)
    for limit in LIMITS:
        with subtests.test(limit=limit):
            problem(api.ask(row, path=path, query=f"?limit={limit}"), 400, "VALIDATION_FAILED", "limit")


@pytest.mark.parametrize("row", LIMITED, ids=name_of)
def test_limits_from_1_to_100_are_taken(api: Api, row: Row, world: World) -> None:
    """So many items come at most; 20 when nothing is said."""
    for limit in (1, 100):
        answer = api.ask(row, path=filled(row, world.known), query=f"?limit={limit}")
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["items"]) <= limit
    described = {p["name"]: p["schema"] for p in operation(row)["parameters"]}
    assert described["limit"]["default"] == 20


CURSORS = ["x", "", "null", "AAAA", "%00", "%FF", "=", "====", "é", "-1", "1.0", "1e1", "x" * 8000, "9" * 30]
CURSORS += ["d2FsX3VzXzAw", "..%2F..", "'%20OR%201=1", "bnVsbA==", "\u202e", "MQ==%0A"]


@pytest.mark.parametrize("row", [row for row in READS if "cursor" in query_names(row)], ids=name_of)
def test_other_cursors_are_400(api: Api, row: Row, world: World, subtests: pytest.Subtests) -> None:
    """A cursor that this list has not given is refused."""
    path = filled(row, world.known)
    for cursor in CURSORS:
        with subtests.test(cursor=cursor):
            query = f"?cursor={quote(cursor, safe='%=')}"
            problem(api.ask(row, path=path, query=query), 400, "VALIDATION_FAILED", "cursor")


TIMES = ["x", "", "null", "now", "0", "1700000000", "1e400", "253402300800", "-62135596801", "2020-01-01"]
TIMES += ["2020-01-01T00:00:00", "2020-02-30T00:00:00Z", "2020-01-01T24:00:00Z", "2020-01-01T00:00:60Z", "%00"]
TIMES += ["0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "2020-01-01T00:00:00%2B25:00", "2999-01-01T00:00:00Z"]
TIMES += ["9999-12-31T23:59:59-14:00", "２０２０-01-01T00:00:00Z"]


@pytest.mark.parametrize("row", [row for row in READS if "at" in query_names(row)], ids=name_of)
def test_other_times_are_400(api: Api, row: Row, world: World, subtests: pytest.Subtests) -> None:
    """A past time is one of RFC 3339 that UTC has and that is past."""
    path = filled(row, world.known)
    for time in TIMES:
        with subtests.test(time=time):
            problem(api.ask(row, path=path, query=f"?at={quote(time, safe='%')}"), 400, "VALIDATION_FAILED", "at")


PAST = [
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00%2B14:00",
    "1970-01-01T00:00:00.000001Z",
    "2020-01-01t00:00:00-23:59",
]


@pytest.mark.parametrize("time", PAST)
@pytest.mark.parametrize("row", [row for row in READS if "at" in query_names(row)], ids=name_of)
def test_past_times_are_taken(api: Api, row: Row, world: World, time: str) -> None:
    """However long past, and with whatever offset."""
    answer = api.ask(row, path=filled(row, world.known), query=f"?at={time}")
    assert answer.status_code == 200, answer.text


ENUMS = [(row, p["name"]) for row in READS for p in operation(row).get("parameters", []) if "enum" in p["schema"]]


@pytest.mark.parametrize(("row", "name"), ENUMS, ids=[f"{row.name} {name}" for row, name in ENUMS])
def test_other_words_are_400(api: Api, row: Row, world: World, name: str) -> None:
    """A filter takes the words that it is documented with, and no others."""
    schema = next(p["schema"] for p in operation(row)["parameters"] if p["name"] == name)
    path = filled(row, world.known)
    for word in schema["enum"]:
        assert api.ask(row, path=path, query=f"?{name}={word}").status_code == 200
        for wrong in (word.swapcase(), f"{word}%20", f"{word},{word}", word[:-1]):
            problem(api.ask(row, path=path, query=f"?{name}={wrong}"), 400, "VALIDATION_FAILED", name)
    for wrong in ("", "null", "NULL", "%00", "1"):
        problem(api.ask(row, path=path, query=f"?{name}={wrong}"), 400, "VALIDATION_FAILED", name)


FREE = [
    (row, p["name"])
    for row in LISTS
    for p in operation(row).get("parameters", [])
    if p["in"] == "query" and p["schema"] == {"type": "string"} and p["name"] not in ("cursor", "consumer")
]
"""A consumer is one of the registry's: another is 400."""


@pytest.mark.parametrize(("row", "name"), FREE, ids=[f"{row.name} {name}" for row, name in FREE])
def test_filters_take_any_text(api: Api, row: Row, name: str) -> None:
    """What no item has finds none; what no text can be is 400."""
    for text in ("x", "", "%FF", "%F0%9F%92%A9", "'%20OR%20'1'='1", "x" * 8000, "null", "%25"):
        answer = api.ask(row, query=f"?{name}={text}")
        assert (answer.status_code, answer.json().get("items")) == (200, []), answer.text
    problem(api.ask(row, query=f"?{name}=%00"), 400, "VALIDATION_FAILED", name)


class Lister:
    """Somebody with a few items in every list, and how they get one more."""

    def __init__(self, person: ApiUser, merchant: ApiUser, thing: dict[str, Any], paid: Callable[..., Any]) -> None:
        self.person = person
        self.path = {"wallet_id": person.wallet_id}
        self.filters = {"list_supplies": f"&merchant_id={person.user_id}"}
        self._thing = thing
        self._paid = paid
        self.add: dict[str, Callable[[], object]] = {
            "list_wallets": lambda: person.post("/v1/wallets", {"name": "Another"}, key=fresh_key()),
            "list_entries": lambda: funded(person, 10**6),
            "list_supplies": lambda: supply_of(person),
            "list_orders": self._order,
            "list_webhooks": lambda: hook_of(person),
            "list_deliveries": lambda: person.post(f"/v1/webhooks/{self.path['webhook_id']}/test"),
            "list_claims": lambda: person.post("/v1/claims", {"order_id": paid(person, thing)["id"]}),
        }
        """How one more item comes into a list, by row; lists that are not here do not grow during these tests."""
        for _ in range(3):
            order = paid(person, thing)
            person.post("/v1/claims", {"order_id": order["id"]})
            supply_of(person)
            self.path |= hook_of(person)
        person.post(f"/v1/webhooks/{self.path['webhook_id']}/test")
        self.path["order_id"] = order["id"]
        person.wait_for(f"/v1/orders/{order['id']}", "status", "claimed")

    def _order(self) -> None:
        body = {"wallet_id": self.person.wallet_id, "items": [{"supply_id": self._thing["id"], "quantity": 1}]}
        self.person.post("/v1/orders", body, key=fresh_key())

    def page(self, row: Row, limit: int, cursor: str | None = None) -> dict[str, Any]:
        """A page of a list."""
        more = f"&cursor={quote(cursor, safe='')}" if cursor else ""
        path = filled(row, self.path)
        answer: dict[str, Any] = self.person.get(f"{path}?limit={limit}{more}{self.filters.get(row.name, '')}")
        assert set(answer) == {"items", "next_cursor"}
        assert len(answer["items"]) <= limit
        return answer

    def rest(self, row: Row, limit: int, cursor: str | None = None) -> list[dict[str, Any]]:
        """Everything from a cursor on, page by page."""
        items: list[dict[str, Any]] = []
        while True:
            page = self.page(row, limit, cursor)
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items
            assert page["items"], "a page in the middle of a list is not empty"


@pytest.fixture(scope="module")
def lister(
    anyone: Callable[[], ApiUser], merchant: ApiUser, thing: dict[str, Any], paid_order: Callable[..., Any]
) -> Lister:
    """Somebody with a few items in every list."""
    return Lister(funded(anyone()), merchant, thing, paid_order)


def names(row: Row, items: list[dict[str, Any]]) -> list[Any]:
    """The unique keys of a list's items, in order."""
    return [item[OLDEST_FIRST.get(row.name, "id")] for item in items]


def test_every_list_is_tested() -> None:
    """Whatever has a limit is a list, and says how it runs."""
    assert LIMITED == LISTS
    assert {"list_wallets", *OLDEST_FIRST} <= {row.name for row in OWN_LISTS}


@pytest.mark.parametrize("row", OWN_LISTS, ids=name_of)
def test_a_list_has_an_order(lister: Lister, row: Row) -> None:
    """Newest first by id; a story from its beginning. Nothing stands there twice."""
    listed = names(row, lister.rest(row, 100))
    assert listed, "this list needs items to be tested"
    assert len(set(listed)) == len(listed)
    assert listed == sorted(listed, reverse=row.name not in OLDEST_FIRST)


@pytest.mark.parametrize("row", OWN_LISTS, ids=name_of)
def test_pages_are_the_list_in_pieces(lister: Lister, row: Row) -> None:
    """Pages of every size put together are the list: each item once, in its order; the last has no cursor."""
    whole = lister.rest(row, 100)
    for limit in (1, 2, len(whole), len(whole) + 1):
        pieces = lister.rest(row, limit)
        assert names(row, pieces) == names(row, whole)
    assert lister.page(row, len(whole))["next_cursor"] is None
    assert lister.page(row, 100)["next_cursor"] is None


@pytest.mark.parametrize("row", [row for row in OWN_LISTS if row.name not in OLDEST_FIRST], ids=name_of)
def test_a_list_is_stable_while_it_grows(lister: Lister, row: Row) -> None:
    """What is added after the first page neither shifts the next ones nor shows up in them."""
    before = lister.page(row, 100)["items"]
    first = lister.page(row, 1)
    lister.add.get(row.name, lambda: None)()
    lister.add.get(row.name, lambda: None)()
    rest = lister.rest(row, 2, first["next_cursor"]) if first["next_cursor"] else []
    assert names(row, first["items"] + rest) == names(row, before)
    after = names(row, lister.rest(row, 100))
    assert after[-len(before) :] == names(row, before)
    assert len(after) >= len(before) + 2 * (row.name in lister.add)


@pytest.mark.parametrize("row", [row for row in OWN_LISTS if not row.parameters], ids=name_of)
def test_a_cursor_is_good_in_its_list_alone(lister: Lister, api: Api, row: Row) -> None:
    """Another list's cursor is refused, not taken for a place in this one."""
    for other in OWN_LISTS:
        cursor = lister.page(other, 1)["next_cursor"]
        if cursor and other is not row and "ent" not in (row.name, other.name):
            answer = api.ask(row, query=f"?cursor={quote(cursor, safe='')}", token=api.token(person=lister.person))
            problem(answer, 400, "VALIDATION_FAILED", "cursor")
