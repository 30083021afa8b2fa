"""Show what the API offers, as OpenAPI 3.1."""

import msgspec

from functions.platform.ports import DocumentWork
from shared.contracts.operations import Request


class ReadDocument(Request):
    """Asks for nothing."""


def read_document(request: ReadDocument, work: DocumentWork) -> msgspec.Raw:
    """The committed document, as it was generated from rows and types."""
    return msgspec.Raw(work.document())
