"""`polaris record` and `rehearse` as processes."""

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.product import environment

pytestmark = pytest.mark.timeout(120)

RECORDING = Path(__file__).parents[2] / "recordings" / "edits.jsonl.gz"
RUN = "process-message:k57"


def run(folder: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "app.main", *command],
        cwd=folder,
        env=environment(**env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_recording_is_written_to_a_file_and_rehearsed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "process-message%3Ak57.jsonl").write_bytes(gzip.decompress(RECORDING.read_bytes()))
    done = run(tmp_path, "record", RUN, POLARIS_RECORDINGS=str(kept))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "process-message%3Ak57.jsonl.gz: 3 turns, 2 calls\n"
    done = run(tmp_path, "rehearse", "process-message%3Ak57.jsonl.gz")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "same: 3 turns, 2 calls\n"


def test_a_difference_is_said_and_is_the_exit_code(tmp_path: Path) -> None:
    text = gzip.decompress(RECORDING.read_bytes()).decode()
    (tmp_path / "it.jsonl").write_text(text.replace("a coding agent", "a cooking agent", 1))
    done = run(tmp_path, "rehearse", "it.jsonl")
    assert done.returncode == 1
    assert done.stdout.startswith("request 1 differs, at system[0].text, character ")
    assert "a cooking agent" in done.stdout
    assert done.stdout.endswith("(the same until then: 0 turns, 0 calls)\n")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("record", RUN), "POLARIS_RECORDINGS is not set"),
        (("record", RUN, "--folder", "nowhere"), f"there is no recording of '{RUN}'"),
        (("rehearse", "page.md"), "line 1 of page.md is no JSON"),
        (("rehearse", "page.md", "--from", "turn-1"), "--from and --model go together"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    tmp_path: Path, command: tuple[str, ...], said: str
) -> None:
    (tmp_path / "page.md").write_text("# A page\n")
    done = run(tmp_path, *command)
    assert done.returncode in {1, 2}
    assert said in done.stderr
    assert "Traceback" not in done.stderr
