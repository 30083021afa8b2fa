"""Terraform's own checks, module by module: format, validation, and its tests with mocks."""

from pathlib import Path
from typing import Final

import pytest

from tests.infrastructure.terraform import ROOT, Workspace

ROOTS: Final = ("terraform", "terraform/bootstrap")
MODULES: Final = tuple(str(path.relative_to(ROOT)) for path in sorted((ROOT / "terraform" / "modules").glob("*/")))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy, with every root and module initialised."""
    made = Workspace(tmp_path_factory.mktemp("modules"))
    for folder in (*ROOTS, *MODULES):
        made.initialise(folder)
    return made


def test_the_source_is_formatted(workspace: Workspace) -> None:
    """As `terraform fmt` writes it."""
    assert workspace.run("terraform", "fmt", "-check", "-recursive", accept=(0, 3)).split() == []


def test_terraform_formats_otherwise(tmp_path: Path) -> None:
    """It does check."""
    (tmp_path / "main.tf").write_text('variable "a"   {}\n', encoding="utf-8")
    copy = Workspace(tmp_path, [])
    assert copy.run(".", "fmt", "-check", accept=(3,)).split() == ["main.tf"]


@pytest.mark.parametrize("folder", [*ROOTS, *MODULES])
def test_it_is_valid(folder: str, workspace: Workspace) -> None:
    """By the provider's schema, each module by itself as well."""
    workspace.run(folder, "validate", "-no-color")


@pytest.mark.parametrize("folder", [*ROOTS, *MODULES])
def test_its_tests_pass(folder: str, workspace: Workspace) -> None:
    """`terraform test`, with a mocked provider."""
    assert list((workspace.folder / folder / "tests").glob("*.tftest.hcl")), f"{folder} has no tests"
    workspace.run(folder, "test", "-no-color")


@pytest.mark.parametrize("folder", MODULES)
def test_it_has_what_a_module_has(folder: str) -> None:
    """By convention: a README, and descriptions of variables and outputs."""
    module = ROOT / folder
    assert {"README.md", "versions.tf", "variables.tf"} <= {path.name for path in module.iterdir()}
