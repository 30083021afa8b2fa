"""Serve the API's OpenAPI 3.1 document."""

import msgspec

from functions.platform.ports import DocumentWork
from shared.contracts.operations import Request


class ReadDocument(Request):
    """No parameters."""


def read_document(request: ReadDocument, work: DocumentWork) -> msgspec.Raw:
    """The committed document, generated from registry rows and types."""
    return msgspec.Raw(work.document())
