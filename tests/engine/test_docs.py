"""docs/engine.md: every Python block runs as it stands and prints what the page says."""

import io
import re
import runpy
import tempfile
from collections.abc import Generator
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.databases import RAM

PAGE = Path(__file__).parents[2] / "docs" / "engine.md"
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    section: str
    code: str
    output: str


def examples(page: Path = PAGE) -> list[Example]:
    """The blocks of a page, each under the heading that it stands under."""
    text = page.read_text()
    found: list[Example] = []
    for block in BLOCK.finditer(text):
        section = re.findall(r"^## (.+)$", text[: block.start()], re.MULTILINE)[-1]
        found.append(Example(section, block[1], block[2] or ""))
    return found


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    with tempfile.TemporaryDirectory(dir=RAM if RAM.is_dir() else None) as name:
        monkeypatch.chdir(name)
        yield Path(name)


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.section)
def test_example_prints_what_the_page_says(example: Example, folder: Path) -> None:
    check(example, folder)


def check(example: Example, folder: Path) -> None:
    """Run it in the folder, and compare what it prints with what the page says."""
    program = folder / "example.py"
    program.write_text(example.code)
    printed = io.StringIO()
    with redirect_stdout(printed):  # not capsys: loggers made meanwhile would keep its stderr
        runpy.run_path(str(program), run_name="__main__")
    assert example.output, "say what it prints, in a text block"
    assert printed.getvalue() == example.output


def test_every_section_up_to_the_promises_has_an_example() -> None:
    headings = re.findall(r"^## (.+)$", PAGE.read_text(), re.MULTILINE)
    assert {each.section for each in examples()} == set(headings[: headings.index("What holds")])
