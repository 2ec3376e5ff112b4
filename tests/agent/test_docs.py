"""docs/agent.md: every Python block runs as it stands and prints what the page says."""

from pathlib import Path

import pytest

from tests.support.examples import Example, examples

PAGE = Path(__file__).parents[2] / "docs" / "agent.md"


@pytest.mark.parametrize("example", examples(PAGE), ids=lambda example: example.section)
def test_example_prints_what_the_page_says(
    example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    example.check(tmp_path)


def test_there_is_one_of_a_network() -> None:
    assert "Agent networks" in {each.section for each in examples(PAGE)}
