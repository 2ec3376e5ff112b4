"""What tests of several folders use stands in tests/support: no folder imports another."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SUPPORT = "support"
FOLDERS = sorted(found.parent.name for found in TESTS.glob("*/__init__.py"))


def imported_by(source: str) -> Iterator[str]:
    """The modules that a file imports; `from tests import app` is one of `tests.app`."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield from (f"{module}.{alias.name}" for alias in names)
            case _:
                pass


def strangers(folder: str, source: str) -> set[str]:
    """The folders of tests that a file in `folder` may not import, and does."""
    parts = [name.split(".") for name in imported_by(source) if name.startswith("tests.")]
    return {found for _, found, *_ in parts} - {folder, SUPPORT}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_of_tests_imports_no_other_but_support(folder: str) -> None:
    paths = list((TESTS / folder).rglob("*.py"))
    found = {str(path.relative_to(TESTS)): strangers(folder, path.read_text()) for path in paths}
    assert {path: folders for path, folders in found.items() if folders} == {}


def test_each_form_of_an_import_is_seen() -> None:
    source = """
import tests.app.conftest
from tests.llm.conftest import play
from tests import store
from tests.support.waiting import until
def later():
    from tests.engine import things
"""
    assert strangers("jobs", source) == {"app", "llm", "store", "engine"}
    assert strangers("engine", source) == {"app", "llm", "store"}
