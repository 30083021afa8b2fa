"""Ids name a caller's own things: malformed, absent and another user's ids are the same 404."""

from typing import Any

import pytest

from shared import ids
from shared.registry import Row
from tests.contract.api import (
    SCOPED,
    WITH_BODY,
    WITH_ID,
    Api,
    body_schema,
    fields,
    filled,
    name_of,
    problem,
    with_field,
)
from tests.contract.conftest import World
from tests.contract.samples import SAMPLES

OWNED = [row for row in SCOPED if row.scope != "operator"]
"""An operator may name what is anybody's."""
OF_MERCHANTS = {"refund_order"}
"""What the owner of an order may not do with it either."""
ID_FIELDS = [
    (row, at)
    for row in WITH_BODY
    if row in OWNED
    for at, _ in fields(body_schema(row) or {})
    if str(at[-1]).endswith("_id") and at[-1] not in ("chain_id", "token_id", "to_wallet_id")
]
"""Everybody may send money to a wallet."""


def malformed(name: str) -> dict[str, str]:
    """Texts that are no id of that kind, or none of a thing that exists; escaped for a path."""
    good = ids.new(next(p for p, kind in ids.PREFIXES.items() if kind == name.removesuffix("_id")), "us")
    prefix, cell, ulid = good.split("_")
    return {
        "a word": "x",
        "a number": "1",
        "null": "null",
        "a dot": ".",
        "two dots": "..",
        "escaped dots": "%2e%2e",
        "a dash": "-",
        "a star": "*",
        "another prefix": f"evt_{cell}_{ulid}",
        "no prefix": f"{cell}_{ulid}",
        "an upper-case prefix": f"{prefix.upper()}_{cell}_{ulid}",
        "an upper-case id": f"{prefix}_{cell}_{ulid.upper()}",
        "another cell": f"{prefix}_eu_{ulid}",
        "a cell that is none": f"{prefix}_zz_{ulid}",
        "no cell": f"{prefix}_{ulid}",
        "one character less": good[:-1],
        "one character more": good + "0",
        "a letter that is none": f"{prefix}_{cell}_{'u' * 26}",
        "too great": f"{prefix}_{cell}_{'z' * 26}",
        "a space before": "%20" + good,
        "a space behind": good + "%20",
        "a line feed behind": good + "%0A",
        "a carriage return": good + "%0D%0A",
        "NUL behind": good + "%00",
        "a quote": good + "'",
        "SQL": "'%20OR%20'1'='1",
        "double quotes": "%22%22",
        "braces": "%7Bwallet_id%7D",
        "a percent sign": good + "%25",
        "an escaped escape": "%2525",
        "not UTF-8": good + "%FF",
        "overlong UTF-8": "%C0%AF",
        "Unicode": "%F0%9F%92%A9",
        "full-width": "%EF%BD%97%EF%BD%81%EF%BD%8C",
        "a look-alike": good.replace("_", "%EF%BC%BF", 1),
        "a direction mark": good + "%E2%80%AE",
        "8 KB": "a" * 8192,
        "8 KB of an id": good * 256,
        "two ids": f"{good},{good}",
    }


OF_ANOTHER_CELL = ("another cell", "a cell that is none")
"""The cases that are ids, of something that may well be somewhere."""


def same(*bodies: dict[str, Any]) -> None:
    """All of these are one answer."""
    assert all({**body, "request_id": ""} == {**bodies[0], "request_id": ""} for body in bodies), bodies


@pytest.mark.parametrize("row", WITH_ID, ids=name_of)
def test_malformed_ids_are_absent(api: Api, row: Row, subtests: pytest.Subtests) -> None:
    """Whatever stands where an id belongs, the answer is the one for a good id of nothing, but says what it wants."""
    for name in row.parameters:
        for case, text in malformed(name).items():
            with subtests.test(case, parameter=name):
                odd = problem(api.ask(row, path=filled(row, {name: text})), 404)
                if odd["code"] != "ROUTE_NOT_FOUND":  # a line feed, or bytes that are no text, are in no route
                    absent = problem(api.ask(row), 404, "NOT_FOUND")
                    same(odd | {"detail": absent["detail"]}, absent)
                    says = odd["detail"].startswith(f"`{name}` wants the id of a")
                    assert says != (case in OF_ANOTHER_CELL), odd["detail"]


@pytest.mark.parametrize("row", [row for row in WITH_ID if row in OWNED], ids=name_of)
def test_what_is_anothers_is_absent(api: Api, row: Row, world: World) -> None:
    """A stranger who knows an id learns nothing by it: not even that it is one."""
    token = api.token_for(row, world.stranger)
    known = {**world.known, **(SAMPLES[row.name](world).path if row.method == "DELETE" else {})}
    foreign = problem(api.ask(row, path=filled(row, known), token=token), 404, "NOT_FOUND")
    same(foreign, problem(api.ask(row, token=token), 404, "NOT_FOUND"))
    if row.name not in OF_MERCHANTS:
        owned = api.ask(row, path=filled(row, known))
        assert owned.status_code != 404, owned.text


@pytest.mark.parametrize(("row", "at"), ID_FIELDS, ids=[f"{row.name} {at[-1]}" for row, at in ID_FIELDS])
def test_what_is_anothers_is_absent_in_bodies(
    api: Api, row: Row, at: tuple[str | int, ...], world: World, thing: dict[str, Any]
) -> None:
    """Nor can a stranger name another's thing in a body: it is refused as what does not exist."""
    stranger = world.stranger
    token = api.token_for(row, stranger)
    kind = str(at[-1]).removeprefix("payout_").removeprefix("from_")
    known = {"wallet_id": stranger.wallet_id, "supply_id": thing["id"]}

    def response_for(named: str) -> dict[str, Any]:
        """The answer to a body whose other ids name what the stranger may use."""
        body = with_field(row, at, named)
        for other, _ in fields(body_schema(row) or {}):
            if other != at and other[-1] in known and str(other[-1]) in str(body):
                body = _merged(body, other, known[str(other[-1])])
        answer = problem(api.ask(row, body=body, token=token), 404, "NOT_FOUND")
        return {**answer, "detail": answer["detail"].replace(named, "<id>") if named else ""}

    absent = ids.new(next(p for p, name in ids.PREFIXES.items() if name == kind.removesuffix("_id")), "us")
    same(response_for(world.known[kind]), response_for(absent))
    for odd in ("x", "", absent.upper(), "' OR 1=1", "é" * 50, "evt" + absent[3:], absent + "\n", absent * 100):
        response_for(odd)


def _merged(body: dict[str, Any], at: tuple[str | int, ...], value: str) -> dict[str, Any]:
    """A body with one more field set, in place."""
    here: Any = body
    for step in at[:-1]:
        here = here[step]
    here[at[-1]] = value
    return body
