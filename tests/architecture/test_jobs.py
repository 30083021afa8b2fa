"""Jobs over many items: each is in the table of shared/jobs/README.md, and isolates its items as stated there."""

import ast
import re
from pathlib import Path

from shared.registry import Row
from tests.architecture.codebase import FUNCTIONS, JOBS, ROOT, path_of, tree

TABLE = ROOT / "shared" / "jobs" / "README.md"
ISOLATING = {"for_each", "for_batch"}


def table() -> dict[str, list[str]]:
    """The cells of each job's row after its name."""
    lines = re.findall(r"^\| `(\w+)` \|(.*)\|$", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(dict(lines)) == len(lines), "a job is listed twice"
    return {job: [cell.strip() for cell in cells.split("|")] for job, cells in lines}


def modules_of(row: Row) -> list[Path]:
    """The module of a job, and the modules of its service that it imports."""
    imported = {node.module or "" for node in ast.walk(tree(path_of(row))) if isinstance(node, ast.ImportFrom)}
    own = [name for name in imported if name.startswith(f"functions.{row.service}.")]
    paths = [ROOT.joinpath(*name.split(".")).with_suffix(".py") for name in own]
    return [path_of(row), *(path for path in paths if path.exists())]


def called(row: Row) -> set[str]:
    """Which of the isolating functions a job calls."""
    return {
        node.func.id
        for path in modules_of(row)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ISOLATING
    }


def test_every_job_is_in_the_table() -> None:
    """With its items, their order, their isolation, and the retry of a failed one; nothing else is in it."""
    assert table().keys() == {row.name for row in JOBS}
    assert all(len(cells) == 4 and all(cells) for cells in table().values())


def test_a_job_isolates_its_items_as_the_table_says() -> None:
    """The table names the isolating function exactly where the job calls it."""
    documented = {job: {name for name in ISOLATING if f"`{name}`" in cells[2]} for job, cells in table().items()}
    assert documented == {row.name: called(row) for row in JOBS}


def leaves_out(row: Row) -> bool:
    """Whether a query of a job's service leaves out the job's items that back off."""
    texts = [path.read_text(encoding="utf-8") for path in (FUNCTIONS / row.service / "sql").glob("*.sql")]
    return any(re.search(rf"\bjob = '{row.name}'", text) for text in texts)


def test_items_that_back_off_fill_no_batch() -> None:
    """The query of due items excludes those that back off, or postpones what it takes."""
    put_off = {job for job, cells in table().items() if "put off as it is taken" in cells[3]}
    assert [row.name for row in JOBS if called(row) and not leaves_out(row) and row.name not in put_off] == []
