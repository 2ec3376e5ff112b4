"""`make test` runs every test whatever fails, and says so; T and K choose some of them."""

import subprocess
from pathlib import Path

import pytest

from app.settings import own_environment

ROOT = Path(__file__).parents[2]
FILE = "-m pytest --durations 40"
FOLDER = "-m pytest --numprocesses 3 --dist loadfile --durations 40"
VITEST = "-m core.node npx vitest run"


def make_test(folder: Path, *chosen: str, failing: str = "nothing") -> tuple[int, list[str]]:
    """`make test` with a Python that writes down what it is asked for, and fails at `failing`."""
    asked = folder / "asked"
    python = folder / "python"
    python.write_text(f'#!/bin/sh\necho "$*" >> {asked}\n[ "$*" != "{failing}" ] || exit 3\n')
    python.chmod(0o700)
    command = ["make", "--directory", str(ROOT), "test", "READY=", f"PY={python}", *chosen]
    environment = own_environment() | {"T": "tests/of/the/environment", "K": "its name"}
    done = subprocess.run(  # noqa: S603 - our own Makefile
        command, capture_output=True, check=False, timeout=20, env=environment
    )
    return done.returncode, asked.read_text().splitlines()


@pytest.mark.parametrize("failing", [FOLDER, VITEST])
def test_a_failure_in_one_language_leaves_the_other_its_turn(tmp_path: Path, failing: str) -> None:
    code, asked = make_test(tmp_path, failing=failing)
    assert asked == [FOLDER, VITEST]
    assert code != 0


def test_without_a_failure_it_succeeds(tmp_path: Path) -> None:
    assert make_test(tmp_path) == (0, [FOLDER, VITEST])


CHOICES = [
    (["T=tests/core/test_beside.py"], [f"{FILE} tests/core/test_beside.py"]),
    (["T=tests/core/test_beside.py::test_x"], [f"{FILE} tests/core/test_beside.py::test_x"]),
    (["T=tests/core"], [f"{FOLDER} tests/core"]),
    (["T=tests/convex/paths.test.ts"], [f"{VITEST} tests/convex/paths.test.ts"]),
    (["T=tests/convex"], [f"{VITEST} tests/convex"]),
    (["T=tests/app"], [f"{FOLDER} tests/app", f"{VITEST} tests/app"]),
    (["T=tests/no/such.py"], [f"{FILE} tests/no/such.py"]),  # pytest says that it is not there
    (["K=half a name"], [f"{FOLDER} -k half a name"]),
    (["T=tests/core", "K=beside"], [f"{FOLDER} -k beside tests/core"]),
    (["T=tests/convex", "K=paths"], [f"{VITEST} --testNamePattern paths tests/convex"]),
]


@pytest.mark.parametrize(("chosen", "expected"), CHOICES, ids=range(len(CHOICES)))
def test_a_path_and_a_name_choose(tmp_path: Path, chosen: list[str], expected: list[str]) -> None:
    assert make_test(tmp_path, *chosen) == (0, expected)


def test_a_choice_is_not_handed_down(tmp_path: Path) -> None:
    """Tests start `make` themselves: it would run what the outer one was asked for."""
    told = tmp_path / "told"
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nenv > {told}\n")
    python.chmod(0o700)
    command = ["make", "--directory", str(ROOT), "test", "READY=", f"PY={python}", "T=tests/core"]
    subprocess.run(command, check=True, capture_output=True, timeout=20)  # noqa: S603
    assert "tests/core" not in told.read_text().replace(str(ROOT), "")
