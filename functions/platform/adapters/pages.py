"""The pages and what they are made of: text files, which are served as they are."""

from pathlib import Path
from typing import Final

from shared.contracts.operations import File
from shared.errors import NotFound

PAGES: Final = Path(__file__).parent.parent / "pages"
PAGE: Final = "index.html"
MEDIA: Final = {".js": "text/javascript", ".css": "text/css"}
"""By suffix, the types of the files of a page; others, such as types for the compiler, are not served."""

LOCAL: Final = frozenset({"shop"})
"""The folders of what only the local stack has."""


class Pages:
    """The folders under `functions/platform/pages`. Names are looked up among those there are, and never opened."""

    def __init__(self, *, local: bool) -> None:
        """local: whether this is the local stack."""
        self._local = local

    def page(self, folder: str) -> File:
        """The page of a folder, which has one."""
        return File(PAGES.joinpath(folder, PAGE).read_text(encoding="utf-8"), "text/html")

    def file(self, folder: str, name: str) -> File:
        """A script or style sheet of a folder. Raises NotFound."""
        media = MEDIA.get(Path(name).suffix)
        for path in PAGES.glob("*/*"):
            if (path.parent.name, path.name) == (folder, name) and media and (self._local or folder not in LOCAL):
                return File(path.read_text(encoding="utf-8"), media)
        raise NotFound("No page has such a file.")
