"""The work of a platform operation: wires the adapters of its ports."""

import json
from functools import cache, cached_property
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Final

from functions.platform.adapters.cells import FirestoreCells
from functions.platform.adapters.clients import GrpcConsumers, GrpcServices
from functions.platform.adapters.dependencies import ProbedDependencies
from functions.platform.adapters.figures import GrpcFigures, MeasuredFigures
from functions.platform.adapters.invariants import PostgresInvariants
from functions.platform.adapters.pages import Pages
from functions.platform.adapters.postgres import PostgresKeys, PostgresKnown, PostgresParked
from functions.platform.adapters.stories import GrpcStories, PostgresOrderParts
from functions.platform.adapters.streams import OutboxStreams
from shared.contracts.operations import File
from shared.registry import load
from shared.telemetry import metrics
from shared.unit_of_work import UnitOfWork

PLATFORM: Final = Path(__file__).parent.parent
DOCUMENT: Final = PLATFORM.parent / "openapi.json"
DOCS: Final = PLATFORM / "docs.html"
START: Final = PLATFORM / "start.html"
CHANGELOG: Final = PLATFORM / "changelog.html"

SIGN_IN: Final = """<p id="people" class="own">Try it out as the
<button value="merchant">merchant</button>, the <button value="buyer">buyer</button> or the
<button value="operator">operator</button>. <output id="signed-in"></output></p>"""
"""Signs in people of the local stack (functions/identity/create_local_token.py)."""


SHOP: Final = b"""<dt><a href="/shop">Shop</a></dt>
<dd>what is on sale: sign in with a key that the page makes, buy, claim</dd>"""
"""What the first page leads to besides on the local stack."""


@cache
def docs(*, local: bool) -> bytes:
    """Swagger UI and its page in one file, so that it works without the internet.

    local: whether people may be signed in with one click, which only the local stack has.
    """
    parts = files("flask_swagger_ui").joinpath("dist")
    page = DOCS.read_text(encoding="utf-8")
    for place, name in (("/*STYLE*/", "swagger-ui.css"), ("/*SCRIPT*/", "swagger-ui-bundle.js")):
        page = page.replace(place, parts.joinpath(name).read_text(encoding="utf-8"))
    page = page.replace("<!--ERRORS-->", _errors()).replace("<!--CHANGELOG-->", CHANGELOG.read_text(encoding="utf-8"))
    return page.replace("<!--PEOPLE-->", SIGN_IN if local else "").encode()


def _errors() -> str:
    """What the `type` of a problem leads to: each error code, with its cause and cure."""
    codes = json.loads(DOCUMENT.read_bytes())["components"]["schemas"]["ErrorCode"]["x-errors"]
    return "\n".join(
        f'<section id="{code}"><h3><code>{code}</code> <small>{error["status"]}</small></h3>'
        f"<p>{escape(error['cause'])}</p><p><b>What to do:</b> {escape(error['cure'])}</p></section>"
        for code, error in codes.items()
    )


class Work(UnitOfWork):
    """The work of one platform operation."""

    @cached_property
    def dependencies(self) -> ProbedDependencies:
        """The databases and stores that requests depend on."""
        return ProbedDependencies(self.resources)

    @cached_property
    def streams(self) -> OutboxStreams:
        """The events of the service whose host this runs in."""
        return OutboxStreams(self)

    @cached_property
    def invariants(self) -> PostgresInvariants:
        """The invariants of the service whose host this runs in."""
        return PostgresInvariants(self)

    @cached_property
    def keys(self) -> PostgresKeys:
        """The idempotency keys of the service whose host this runs in."""
        return PostgresKeys(self)

    @cached_property
    def parked(self) -> PostgresParked:
        """The parked events of the service whose host this runs in."""
        return PostgresParked(self.resources, self.service)

    @cached_property
    def known(self) -> PostgresKnown:
        """How far its consumers know other cells' streams."""
        return PostgresKnown(self.resources, self.service)

    @cached_property
    def consumers(self) -> GrpcConsumers:
        """The consumers of all services, in all cells."""
        consumers = {row.name: row.service for row in load().event_rows()}
        cells = [self.settings.cell, *self.settings.other_cells]
        return GrpcConsumers(lambda service, cell: self.resources.channel(service, "platform", cell), consumers, cells)

    @cached_property
    def services(self) -> GrpcServices:
        """The services, for operations across all of them."""
        names = [name for name, service in load().services.items() if service.database]
        return GrpcServices(lambda service: self.resources.channel(service, "platform"), names)

    @cached_property
    def figures(self) -> MeasuredFigures:
        """The figures of the service whose host this runs in."""
        return MeasuredFigures(self)

    @cached_property
    def order_parts(self) -> PostgresOrderParts:
        """What that service has about orders."""
        return PostgresOrderParts(self)

    @cached_property
    def site(self) -> tuple[str, str]:
        """The cell of this process, and the region that serves it."""
        return self.settings.cell, self.settings.region

    @cached_property
    def measured(self) -> GrpcFigures:
        """The figures of this cell's services."""
        names = [name for name, service in load().services.items() if service.database]
        return GrpcFigures(lambda service: self.resources.channel(service, "platform"), names)

    @cached_property
    def stories(self) -> GrpcStories:
        """Orders, as all services know them."""
        return GrpcStories(lambda service, cell: self.resources.channel(service, "platform", cell), self.settings.cell)

    @cached_property
    def cells(self) -> FirestoreCells:
        """What Firestore says about the cells."""
        return FirestoreCells(self.resources)

    def document(self) -> bytes:
        return DOCUMENT.read_bytes()

    def docs(self) -> bytes:
        return docs(local=self.settings.local)

    def start(self) -> bytes:
        return START.read_bytes().replace(b"<!--SHOP-->", SHOP if self.settings.local else b"")

    def page(self, folder: str) -> File:
        return Pages(local=self.settings.local).page(folder)

    def page_file(self, folder: str, name: str) -> File:
        return Pages(local=self.settings.local).file(folder, name)

    def metrics(self) -> bytes:
        return metrics.text()
