"""Lists of all cells: every cell is asked for its own part, at once, and what they answer is made one answer.

This process answers its own part first, by the whole pipeline: what it refuses, the caller is refused. A list is never
silently incomplete: without a cell it is 503 CELL_UNREACHABLE, which names the cell; where the caller accepts a stale
answer (`consistency=eventual`), it is what the others have, and `X-Cells-Missing` names the cell, whose part is shown
when it can be reached again. An audit names it among what is unchecked.
"""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from copy import copy
from functools import cached_property
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import flask
import msgspec
from msgspec.structs import replace

from shared.contracts.encode import to_json
from shared.contracts.operations import PageRequest
from shared.errors import Malformed, Unavailable
from shared.registry import Row, load
from shared.runtime.forwarding.forwarder import Forwarder, RawAnswer, RawRequest, takes_copies
from shared.runtime.forwarding.hops import CELL
from shared.runtime.forwarding.merged import FOREIGN, Places, merged, united
from shared.runtime.responses.headers import CELLS_MISSING, CONSISTENCY

log = logging.getLogger(__name__)

Answered = Callable[[flask.Request], flask.Response]


class FanOut:
    """Answers the requests of one row that concern all cells."""

    def __init__(self, row: Row, forwarder: Forwarder, proxies: int) -> None:
        self._row = row
        self._forwarder = forwarder
        self._proxies = proxies

    def concerns(self, request: flask.Request) -> bool:
        """Whether a request is for all cells; a hop is for one."""
        if CELL in request.headers or takes_copies(self._row, request):
            return False
        return self._row.home == "all" or (self._row.spans is not None and self._row.spans in request.args)

    def serve(self, request: flask.Request, here: Answered) -> flask.Response:
        """Answer a request. here: answers it for this process's cell. Raises what that raises; CellUnreachable."""
        own, *others = self._forwarder.cells
        try:
            places = Places.parse(request.args.get("cursor"), [own, *others])
        except Malformed:
            return here(_with_cursor(request, FOREIGN))
        first = here(_with_cursor(request, places.by_cell.get(own)))
        if first.status_code != 200:
            return first
        remote = [cell for cell in others if cell in places.by_cell and self._forwarder.reaches(cell)]
        eventual = request.args.get("consistency") == "eventual"
        found, failures = self._ask(request, {cell: places.by_cell[cell] for cell in remote})
        refused = next((answer for answer in found.values() if answer.status != 200), None)
        if refused is not None:
            return refused.response()
        if failures and not (eventual or not self._row.merged):
            raise next(iter(failures.values()))
        bodies = {cell: msgspec.json.decode(answer.body) for cell, answer in found.items()}
        _note_consistency(first, found)
        if own in places.by_cell:
            bodies = {own: msgspec.json.decode(first.get_data()), **bodies}
        return self._made_one(first, bodies, places, failures, request)

    def _ask(
        self, request: flask.Request, cursors: Mapping[str, str | None]
    ) -> tuple[dict[str, RawAnswer], dict[str, Unavailable]]:
        """What the other cells answer, and why some did not."""
        found: dict[str, RawAnswer] = {}
        failures: dict[str, Unavailable] = {}
        hops = {
            cell: replace(RawRequest.of(request, b"", self._proxies, query=_query(request, cursor)), method="GET")
            for cell, cursor in cursors.items()
        }
        futures = {
            cell: self._pool.submit(copy_context().run, self._forwarder.send, hop, cell) for cell, hop in hops.items()
        }
        for cell, future in futures.items():
            try:
                answer = future.result()
            except Unavailable as error:
                failures[cell] = error
            else:
                found[cell] = answer
        return found, failures

    def _made_one(
        self,
        first: flask.Response,
        bodies: Mapping[str, Any],
        places: Places,
        failures: Mapping[str, Unavailable],
        request: flask.Request,
    ) -> flask.Response:
        if self._row.merged:
            limit = int(request.args.get("limit", PageRequest().limit))
            body: Any = merged(bodies, places, self._row.merged, limit)
            if failures:
                body = _resumed(body, places, list(failures))
        else:
            body = united(bodies, list(failures))
        first.set_data(to_json(body))
        if failures and self._row.merged:
            log.warning("a list of %s lacks the cells %s", self._row.name, ", ".join(failures))
            first.headers[CELLS_MISSING] = ", ".join(failures)
        return first

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(WORKERS * len(load().cells), thread_name_prefix="fan-out")


WORKERS: Final = 8
"""Requests to each cell at once: as many of the row's instance as its other calls leave threads to."""


def _query(request: flask.Request, cursor: str | None) -> bytes:
    """A request's query with another cursor."""
    pairs = parse_qsl(request.query_string.decode("latin-1"), keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if name != "cursor"]
    return urlencode([*kept, *([("cursor", cursor)] if cursor is not None else [])]).encode()


def _with_cursor(request: flask.Request, cursor: str | None) -> flask.Request:
    """The same request with another cursor."""
    part = copy(request)
    vars(part).pop("args", None)  # parsed from the query on first use
    part.query_string = _query(request, cursor)
    return part


def _resumed(page: dict[str, Any], places: Places, missing: list[str]) -> dict[str, Any]:
    """A page whose cursor goes on with missing cells where they were; it ends where the others end."""
    if page["next_cursor"] is None:
        return page
    ahead = Places.parse(page["next_cursor"], list(load().cells)).by_cell
    kept = {cell: places.by_cell[cell] for cell in missing}
    return {**page, "next_cursor": str(Places({**ahead, **kept}))}


def _note_consistency(first: flask.Response, found: Mapping[str, RawAnswer]) -> None:
    """Say of an answer made of several how far the furthest behind may lag."""
    stated = [value for answer in found.values() for name, value in answer.headers if name == CONSISTENCY]
    lags = [value.rpartition("=")[2] for value in (first.headers.get(CONSISTENCY, ""), *stated) if "lag=" in value]
    if lags:
        first.headers[CONSISTENCY] = f"eventual; lag={max(lags, key=float)}"
