"""Recordings go with the projects whose answers they are of; what is none stays."""

import json
import os
from pathlib import Path

from core.clock import SystemClock
from core.ids import OwnerId
from jobs.recording.sweep import RecordingSweeper
from jobs.recording.tape import path_of
from store import Store


def record(folder: Path, run_id: str, *lines: object) -> Path:
    path = path_of(folder, run_id)
    path.write_text("".join(f"\n{json.dumps(line)}\n" for line in lines))
    return path


def begun(project_id: str) -> dict[str, object]:
    return {"line": "begun", "event": {"data": {"projectId": project_id}}}


async def test_recordings_of_deleted_projects_go(
    store: Store, owner: OwnerId, tmp_path: Path
) -> None:
    stays = await store.projects.create(owner=owner, name="Stays")
    goes = await store.projects.create(owner=owner, name="Goes")
    step, files = {"line": "step", "key": "load"}, {"line": "files", "files": "f" * 2_000_000}
    kept = record(tmp_path, "run:1", step, begun(stays.project_id), files)
    gone = record(tmp_path, "run:2", step, begun(goes.project_id), files)
    sweeper = RecordingSweeper(store, tmp_path, SystemClock())
    assert await sweeper.sweep() == 0
    await store.projects.delete(goes.project_id, owner=owner)
    assert await sweeper.sweep() == 1
    assert (kept.exists(), gone.exists()) == (True, False)


async def test_what_has_no_beginning_goes_once_nobody_writes_it(
    store: Store, tmp_path: Path
) -> None:
    headless = record(tmp_path, "run:3", {"line": "step", "key": "turn-1"})
    others = tmp_path / "notes.jsonl"
    others.write_text("no recording\n")
    sweeper = RecordingSweeper(store, tmp_path, SystemClock())
    assert await sweeper.sweep() == 0
    long_ago = SystemClock().now().timestamp() - 3_600
    for path in (headless, others):
        os.utime(path, (long_ago, long_ago))
    assert await sweeper.sweep() == 1
    assert (headless.exists(), others.exists()) == (False, True)


async def test_a_folder_that_is_not_there_yet_is_no_fault(store: Store, tmp_path: Path) -> None:
    assert await RecordingSweeper(store, tmp_path / "none", SystemClock()).sweep() == 0
