"""Killed at every boundary: accepted events are kept, recorded steps never run again."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from engine import Database, PostgresDatabase
from tests.engine.mortal import Journal

MAX_DEATHS = 40  # more than the job has boundaries; then it does not get on


def address(database: Database) -> str:
    return database.dsn if isinstance(database, PostgresDatabase) else str(database.path)


@pytest.mark.timeout(120)
def test_run_survives_a_death_at_every_boundary(database: Database, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    command = [sys.executable, "-m", "tests.engine.mortal", address(database)]
    command += [str(tmp_path / "journal"), "worker-1"]
    for _ in range(MAX_DEATHS):
        died_before = len([line for line in journal.lines() if line.startswith("died")])
        done = subprocess.run(  # noqa: S603 - our own module
            command, capture_output=True, text=True, check=False, timeout=60
        )
        if done.returncode == 0:
            break
        assert done.returncode == -9, done.stderr
        died = len([line for line in journal.lines() if line.startswith("died")])
        assert died == died_before + 1
    else:
        pytest.fail("the run does not get on")
    assert done.stdout.split() == ["failed", "completed"]

    lines = Counter(journal.lines())
    boundaries = {line for line in lines if line.startswith("died")}
    assert len(boundaries) == 1 + 5 * 2 + 5  # start, five effects twice, and five named points
    for name in ("first", "left-1", "left-2", "right-1", "right-2"):
        # Killed after its effect and before it was recorded: it ran twice, and again for each
        # death of a step beside it.
        assert 2 <= lines[f"did {name}"] <= 2 + 4
    assert lines["did first"] == 2
    # Once recorded, never again.
    history = journal.lines()
    assert "did first" not in history[history.index("died first: recorded") :]
    rest = history[history.index("died branches: recorded") :]
    assert [line for line in rest if line.startswith("did ")] == []
    # Attempts are counted durably: the second one was killed and ran again, the first did not.
    assert (lines["attempt 0"], lines["attempt 1"], lines["attempt 2"]) == (1, 2, 1)
    assert lines["closed after the end"] == 2
