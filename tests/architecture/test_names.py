"""A name means one thing: no two classes of a service share one, nor two of shared/."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.architecture.codebase import ROOT, SERVICES, modules, tree


def classes(folder: str) -> Counter[str]:
    """The names of the classes below a folder, and how often each is defined."""
    found = [node.name for path in modules(folder) for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]
    return Counter(found)


@pytest.mark.parametrize("folder", [*(f"functions/{service}" for service in SERVICES), "shared", "emulators"])
def test_a_class_has_its_name_to_itself(folder: str) -> None:
    """Be it an error and an event, a port and its adapter, or two values."""
    assert Path(ROOT / folder).is_dir()
    assert {name: times for name, times in classes(folder).items() if times > 1} == {}


PRIVATE_WORDS = {"told", "asked"}
"""Words that once stood for a request, a question, a report and a notification alike: a name says which it is."""


def test_no_name_is_told_or_asked() -> None:
    """A request, query, response, message, report or notification is called that."""
    named = {
        name
        for path in modules("functions", "shared", "emulators")
        for node in ast.walk(tree(path))
        for name in [getattr(node, "id", None), getattr(node, "arg", None), getattr(node, "name", None)]
        if isinstance(name, str) and name.strip("_") in PRIVATE_WORDS
    }
    assert named == set()
