"""`make test` runs every test whatever fails, and says so."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTEST = "-m pytest --numprocesses 2 --dist loadfile"
VITEST = "-m core.node npx vitest run"


def make_test(folder: Path, *, failing: str) -> tuple[int, list[str]]:
    """`make test` with a Python that writes down what it is asked for, and fails at `failing`."""
    asked = folder / "asked"
    python = folder / "python"
    python.write_text(f'#!/bin/sh\necho "$*" >> {asked}\n[ "$*" != "{failing}" ] || exit 3\n')
    python.chmod(0o700)
    command = ["make", "--directory", str(ROOT), "test", "READY=", f"PY={python}"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=20)  # noqa: S603
    return done.returncode, asked.read_text().splitlines()


@pytest.mark.parametrize("failing", [PYTEST, VITEST])
def test_a_failure_in_one_language_leaves_the_other_its_turn(tmp_path: Path, failing: str) -> None:
    code, asked = make_test(tmp_path, failing=failing)
    assert asked == [PYTEST, VITEST]
    assert code != 0


def test_without_a_failure_it_succeeds(tmp_path: Path) -> None:
    assert make_test(tmp_path, failing="nothing") == (0, [PYTEST, VITEST])
