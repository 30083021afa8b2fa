"""Serve the API documentation as a page (Swagger UI)."""

from functions.platform.ports import DocumentWork
from shared.contracts.operations import Request


class ReadDocs(Request):
    """No parameters."""


def read_docs(request: ReadDocs, work: DocumentWork) -> bytes:
    """The page, self-contained but for the OpenAPI document; it loads nothing from other sites."""
    return work.docs()
