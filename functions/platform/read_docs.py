"""Show what the API offers, as a page to read and to try it on."""

from functions.platform.ports import DocumentWork
from shared.contracts.operations import Request


class ReadDocs(Request):
    """Asks for nothing."""


def read_docs(request: ReadDocs, work: DocumentWork) -> bytes:
    """The page: it carries all that it needs but the document itself, and asks nobody else."""
    return work.docs()
