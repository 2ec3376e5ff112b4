"""Files that are no recordings, or no whole ones."""

import gzip
import json
from pathlib import Path

import pytest

from jobs.recording.recording import NotARecording, read_recording

RECORDING = Path(__file__).parents[2] / "recordings" / "edits.jsonl.gz"


def lines() -> list[bytes]:
    return [line for line in gzip.decompress(RECORDING.read_bytes()).splitlines() if line]


def written(folder: Path, data: bytes) -> Path:
    path = folder / "it.jsonl"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "does not say of which run"),
        (b"# A page\n", "line 1 of"),
        (b'{"line": "begun", "version": 99}\n', "version 99"),
        (b'{"line": "sung"}\n', "line 1 of"),
        (b'["line"]\n', "line 1 of"),
        (b"\x1f\x8b\x08\x00broken", "no whole gzip file"),
        (gzip.compress(b"x" * 1000, mtime=0)[:-9], "no whole gzip file"),
    ],
)
def test_what_is_none_is_refused_by_name(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(NotARecording, match=said):
        read_recording(written(tmp_path, data))


def test_an_answer_before_a_request_is_refused(tmp_path: Path) -> None:
    begun = next(line for line in lines() if b'"line":"begun"' in line)
    over = b'{"how":"whole","line":"over"}'
    with pytest.raises(NotARecording, match="before the first request"):
        read_recording(written(tmp_path, begun + b"\n" + over))


def test_a_line_in_the_middle_of_which_a_process_died_is_passed_over(tmp_path: Path) -> None:
    whole = lines()
    torn = [*whole[:-1], whole[-1][: len(whole[-1]) // 2]]
    recording = read_recording(written(tmp_path, b"\n".join(torn)))
    assert recording.ended is None
    assert len(recording.exchanges) == sum(json.loads(line)["line"] == "asked" for line in whole)
