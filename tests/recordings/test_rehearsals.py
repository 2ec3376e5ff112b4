"""Each recording of a run of ours: today's code does the same, byte by byte.

Where it should not, `python -m tests.recordings.make` records the runs anew.
"""

from pathlib import Path

import pytest

from app.rehearsing import rehearsal_of
from jobs.recording.recording import read_recording
from tests.recordings.plays import PLAYS

HERE = Path(__file__).parent
RECORDINGS = sorted(HERE.glob("*.jsonl.gz"))


def test_there_is_a_recording_of_each_play() -> None:
    assert {path.name.partition(".")[0] for path in RECORDINGS} == set(PLAYS)


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name.partition(".")[0])
async def test_todays_code_goes_the_same_way(path: Path) -> None:
    done = await rehearsal_of(read_recording(path))
    assert done.difference is None, done.words
    assert done.requests == len(read_recording(path).exchanges)
