"""docs/engine.md: every Python block runs as it stands and prints what the page says."""

import re
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support.databases import RAM
from tests.support.examples import Example, examples

PAGE = Path(__file__).parents[2] / "docs" / "engine.md"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    with tempfile.TemporaryDirectory(dir=RAM if RAM.is_dir() else None) as name:
        monkeypatch.chdir(name)
        yield Path(name)


@pytest.mark.parametrize("example", examples(PAGE), ids=lambda example: example.section)
def test_example_prints_what_the_page_says(example: Example, folder: Path) -> None:
    example.check(folder)


def test_every_section_up_to_the_promises_has_an_example() -> None:
    headings = re.findall(r"^## (.+)$", PAGE.read_text(), re.MULTILINE)
    assert {each.section for each in examples(PAGE)} == set(
        headings[: headings.index("What holds")]
    )
