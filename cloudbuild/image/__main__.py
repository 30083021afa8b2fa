"""Builds the image and shows what it does.

python -m cloudbuild.image [--keep-bases] [--run-only]
"""

import argparse
import sys
import time

from rich.console import Console
from rich.table import Table

from cloudbuild.image import build, purchase, tools


def main() -> int:
    """Returns 0 if the image is built, reproducible, and runs."""
    parser = argparse.ArgumentParser(prog="cloudbuild.image", description="Build the image, and run it.")
    parser.add_argument("--keep-bases", action="store_true", help="use the bases of an earlier build")
    parser.add_argument("--run-only", action="store_true", help="run the image of an earlier build")
    chosen = parser.parse_args()
    out = Console()
    try:
        tools.require()
        if not chosen.run_only:
            _build(out, keep_bases=chosen.keep_bases)
        purchase.run(out)
    except (tools.ImageError, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _build(out: Console, *, keep_bases: bool) -> None:
    build.lint()
    began = time.monotonic()
    arguments = build.bases(keep=keep_bases)
    out.print(f"bases after {time.monotonic() - began:.0f} s, {build.wheels()} wheels", highlight=False)
    ids = []
    for number in ("first", "second"):
        began = time.monotonic()
        ids.append(build.build(arguments))
        out.print(f"{number} build: {ids[-1][:12]} after {time.monotonic() - began:.0f} s", highlight=False)
    if len(set(ids)) != 1:
        raise tools.ImageError(f"Two builds of one commit are two images: {', '.join(ids)}")
    table = Table("the image", "")
    for name, value in build.inspect().items():
        table.add_row(name, value)
    out.print(table)


if __name__ == "__main__":
    sys.exit(main())
