"""Recording a run: real store, real engine, real wire; the model is scripted."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app.rehearsing import rehearsal_of
from core.ids import RunId
from jobs.recording.lines import Content, Files
from jobs.recording.recorder import Recordings
from jobs.recording.recording import read_recording
from jobs.recording.tape import MIB, Tape, path_of
from store.records import MessageStatus
from tests.jobs.recording.plays import DONE, READ, calls, says
from tests.jobs.recording.stage import KEY as PROVIDER_KEY
from tests.jobs.recording.stage import Play, Scene, stage
from tests.support.store import KEY

pytestmark = pytest.mark.timeout(120)

LEAKED = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
PLAY = Play((calls(READ, ("readFile", {"path": ".env"})), DONE))


def lines_of(path: Path) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line]


async def played(scene: Scene, recordings: Recordings | None) -> RunId:
    """One answer, which has to be whole, by a worker that records so."""
    site = scene.site
    site.recordings = recordings
    await scene.restart()
    secret = f"TOKEN={LEAKED}\nMODEL_KEY={PROVIDER_KEY.get_secret_value()}\n".encode()
    await site.store.files.write(site.project_id, ".env", secret, owner=site.owner)
    message_id, run_id = await site.send(scene.engine, f"Is {LEAKED} used?")
    await scene.ended(run_id)
    message = await site.store.messages.owned(message_id, owner=site.owner)
    assert message.status is MessageStatus.COMPLETED
    return run_id


async def test_secrets_are_masked_and_the_rest_is_as_it_was(
    convex_url: str, tmp_path: Path
) -> None:
    secrets = [PROVIDER_KEY.get_secret_value()]
    async with stage(PLAY, convex_url=convex_url, key=KEY, folder=tmp_path) as scene:
        run_id = await played(scene, Recordings(tmp_path / "kept", secrets=secrets))
    path = path_of(tmp_path / "kept", run_id)
    text = path.read_text()
    assert LEAKED not in text
    assert secrets[0] not in text
    assert f"TOKEN={'*' * len(LEAKED)}" in text
    assert "authorization" not in text.lower()
    recording = read_recording(path)
    assert recording.files.files["src/shop.ts"] == Content(
        text="export const total = (prices: number[]) => prices.length;\n"
    )
    done = await rehearsal_of(recording)
    assert done.difference is None
    assert (done.turns, done.calls, done.is_whole) == (2, 2, True)


async def test_chunks_keep_their_borders(convex_url: str, tmp_path: Path) -> None:
    play = Play((says("Grüße 👋 an alle.", pace={"split_bytes": 7}),))
    async with stage(play, convex_url=convex_url, key=KEY, folder=tmp_path) as scene:
        run_id = await played(scene, Recordings(tmp_path / "kept"))
    recording = read_recording(path_of(tmp_path / "kept", run_id))
    assert "👋".encode() in b"".join(recording.exchanges[0].chunks)
    assert (await rehearsal_of(recording)).difference is None


async def test_a_recorder_that_fails_does_not_touch_the_run(
    convex_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    taken = tmp_path / "kept"
    taken.write_text("a file stands where the folder would be")
    async with stage(PLAY, convex_url=convex_url, key=KEY, folder=tmp_path) as scene:
        await played(scene, Recordings(taken))
    assert [record.message for record in caplog.records].count("recording_failed") == 1


async def test_a_recording_that_is_full_says_so_and_can_be_rehearsed(
    convex_url: str, tmp_path: Path
) -> None:
    async with stage(PLAY, convex_url=convex_url, key=KEY, folder=tmp_path) as scene:
        run_id = await played(scene, Recordings(tmp_path / "kept", limit_bytes=26_000))
    path = path_of(tmp_path / "kept", run_id)
    assert path.stat().st_size < 27_000
    assert lines_of(path)[-1]["line"] == "full"
    done = await rehearsal_of(read_recording(path))
    assert done.difference is None
    assert not done.is_whole


async def test_the_oldest_recordings_make_room(tmp_path: Path) -> None:
    for number in range(3):
        tape = Tape(path_of(tmp_path, str(number)), folder_bytes=MIB)
        tape.add(Files({"a": Content(text="x" * 600_000)}))
        await tape.flush()
    kept = [number for number in range(3) if path_of(tmp_path, str(number)).exists()]
    assert kept == [1, 2]


async def test_nothing_is_recorded_where_that_is_not_asked_for(
    convex_url: str, tmp_path: Path
) -> None:
    async with stage(PLAY, convex_url=convex_url, key=KEY, folder=tmp_path) as scene:
        await played(scene, None)
    assert not (tmp_path / "recordings").exists()
