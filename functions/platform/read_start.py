"""Serve the first page, which leads on."""

from functions.platform.ports import DocumentWork
from shared.contracts.operations import Request


class ReadStart(Request):
    """No parameters."""


def read_start(request: ReadStart, work: DocumentWork) -> bytes:
    """The page; it loads nothing from other sites."""
    return work.start()
