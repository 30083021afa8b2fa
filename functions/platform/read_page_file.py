"""Serve a script or a style sheet of the pages."""

from typing import Annotated

import msgspec

from functions.platform.ports import PagesWork
from shared.contracts.operations import File, Request


class ReadPageFile(Request):
    """Which file."""

    folder: Annotated[str, msgspec.Meta(examples=["common"])]
    """Whose it is: a page's, or `common` or `vendor` for what pages share."""

    file: Annotated[str, msgspec.Meta(examples=["style.css"])]
    """Its name."""


def read_page_file(request: ReadPageFile, work: PagesWork) -> File:
    """The file; what it loads besides is of the same site. Raises NotFound."""
    return work.page_file(request.folder, request.file)
