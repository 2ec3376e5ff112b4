"""What a project says of itself stands in the system prompt, bounded."""

import json

import pytest

from jobs.project_words import RULES_CHARS, words_of


def test_rules_and_scripts_are_told() -> None:
    manifest = {"scripts": {"dev": "vite", "test": "vitest run", "odd": 7}}
    words = words_of(
        {
            "AGENTS.md": b"Use tabs.\n",
            ".polaris/rules.md": "Preise in Cent: ä.".encode(),
            "package.json": json.dumps(manifest).encode(),
            "pyproject.toml": b"",
        }
    )
    assert "JavaScript or TypeScript, Python" in words
    assert "dev = vite; test = vitest run" in words
    assert "odd" not in words
    assert "## AGENTS.md\nUse tabs." in words
    assert "Preise in Cent: ä." in words


def test_a_project_without_any_adds_nothing() -> None:
    assert words_of({}) == ""
    assert words_of({"AGENTS.md": b" \n"}) == ""


@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'{"scripts": []}', id="scripts-list"),
        pytest.param(b"null", id="null"),
        pytest.param(b"\xff\xfe", id="no-text"),
        pytest.param(b"1" * 5_000, id="long-number"),
        pytest.param(b"[" * 100_000, id="deep"),
    ],
)
def test_a_broken_manifest_is_no_reason_to_fail(manifest: bytes) -> None:
    assert "Its scripts" not in words_of({"package.json": manifest})


def test_a_megabyte_of_rules_is_cut_and_says_so() -> None:
    words = words_of({"AGENTS.md": b"Obey. " * 170_000})
    assert len(words) < RULES_CHARS + 1_000
    assert "The rest of these rules is left out" in words


def test_rules_that_are_no_text_are_left_out() -> None:
    assert words_of({"AGENTS.md": b"\x00\x01"}) == ""
    assert words_of({"AGENTS.md": b"\xff\xfeU\x00"}) == ""
