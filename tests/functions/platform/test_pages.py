"""The pages' files: what is served as what, and that nothing else is."""

from pathlib import Path

import httpx
import pytest

from functions.platform.adapters.pages import PAGES, Pages
from shared.errors import NotFound
from shared.registry import load
from shared.runtime.responses.headers import page_policy
from tests.architecture.codebase import ROOT

PACKAGES = ROOT / "shared" / "client" / "typescript" / "node_modules" / "@noble"

COPIES = {
    "secp256k1.js": "secp256k1/index.js",
    "secp256k1.d.ts": "secp256k1/index.d.ts",
    **{name: f"hashes/{name}" for name in ("sha3.js", "sha3.d.ts", "_u64.js", "_u64.d.ts", "utils.js", "utils.d.ts")},
    "secp256k1.LICENSE": "secp256k1/LICENSE",
    "hashes.LICENSE": "hashes/LICENSE",
}
"""What pages/vendor has, by where npm's packages have it."""

SCRIPTS = [path for path in sorted(PAGES.glob("*/*.js")) if path.parent.name != "vendor"]


def test_foreign_code_is_as_npm_has_it() -> None:
    """Byte for byte what package-lock.json pins: `npm run vendor` in shared/client/typescript copies it."""
    assert PACKAGES.exists(), "this test needs the TypeScript client's packages: install npm"
    assert {path.name for path in (PAGES / "vendor").iterdir()} == set(COPIES)
    copies = {name: (PAGES / "vendor" / name).read_bytes() for name in COPIES}
    assert [name for name, source in COPIES.items() if copies[name] != (PACKAGES / source).read_bytes()] == []


def test_every_script_is_typed() -> None:
    """`make typescript` checks what says so, and modules are as short as those in Python."""
    assert [path.name for path in SCRIPTS if not path.read_text(encoding="utf-8").startswith("// @ts-check\n")] == []
    assert [path.name for path in SCRIPTS if len(path.read_text(encoding="utf-8").splitlines()) > 300] == []


def test_a_file_is_served_as_what_it_is(edge: httpx.Client) -> None:
    """With its type, to be asked for again each time, and without anything that comes from elsewhere."""
    for path, media in {
        "/shop": "text/html",
        "/console": "text/html",
        "/pages/shop/main.js": "text/javascript",
        "/pages/common/style.css": "text/css",
    }.items():
        served = edge.get(path)
        assert (served.status_code, served.headers["Content-Type"]) == (200, media), path
        assert served.headers["Cache-Control"] == "no-cache"
        policy = served.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert policy == page_policy(local=True)
        assert edge.get(path, headers={"If-None-Match": served.headers["ETag"]}).status_code == 304


def test_pages_connect_to_their_origin_alone() -> None:
    """On the local stack also to what acts on that, which listens on another loopback port."""
    assert "http" not in page_policy(local=False)
    assert page_policy(local=True).replace(" http://127.0.0.1:*", "") == page_policy(local=False)


@pytest.mark.parametrize("name", ["contract.d.ts", "tsconfig.json", "..", "index.html", "style.css/", ".", "STYLE.CSS"])
def test_nothing_else_is_served(edge: httpx.Client, name: str) -> None:
    """What is no script or style sheet of a folder is not there, whatever it is called."""
    assert edge.get(f"/pages/common/{name}").status_code == 404


def test_the_shop_is_for_the_local_stack_only() -> None:
    """In the cloud its row is not started, and its scripts are not there; what pages share is."""
    cloud = Pages(local=False)
    assert load().rows["read_shop"].environment == "local"
    with pytest.raises(NotFound):
        cloud.file("shop", "main.js")
    assert cloud.page("console").media == "text/html"
    style = cloud.file("common", "style.css")
    assert style.text == Path(PAGES / "common" / "style.css").read_text(encoding="utf-8")
