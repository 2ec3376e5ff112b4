"""Recording a run: real store, real engine, real wire; the model is scripted."""

from pathlib import Path

import pytest

from app.rehearsing import rehearsal_of
from app.tools import AGENT_TOOLS, CHAT_TOOLS
from core.ids import OwnerId
from jobs.recording.recorder import Recordings
from jobs.recording.recording import read_recording
from jobs.recording.tape import path_of
from jobs.rehearsal.rehearsing import Rehearsed
from llm.scripted.process import scripted_here
from store import Store
from store.records import MessageStatus
from tests.jobs.message.site import Site
from tests.support.scripted_model import anthropic_at, scenario

pytestmark = pytest.mark.timeout(60)

WRITES = {
    "when": {"tool_results": 0},
    "reply": {
        "text": "On it.",
        "tool_calls": [{"name": "writeFile", "arguments": {"path": "a.txt", "content": "x\n"}}],
    },
}


async def test_a_run_is_recorded(store: Store, owner: OwnerId, tmp_path: Path) -> None:
    project = (await store.projects.create(owner=owner, name="Shop")).project_id
    chat = await store.conversations.create(project, owner=owner, title="One")
    async with (
        scripted_here(scenario(WRITES, {"text": "Done."})) as server,
        anthropic_at(server) as model,
    ):
        site = Site(store, owner, tmp_path, project, chat.conversation_id, model)
        site.recordings = Recordings(tmp_path / "recordings")
        site.tools, site.chat_tools = AGENT_TOOLS, CHAT_TOOLS
        async with site.worker() as engine:
            message_id, run_id = await site.send(engine, "Go.")
            await engine.wait(run_id, 30)
    message = await store.messages.owned(message_id, owner=owner)
    assert message.status is MessageStatus.COMPLETED
    recording = read_recording(path_of(tmp_path / "recordings", run_id))
    done = await rehearsal_of(recording)
    assert done == Rehearsed(requests=2, turns=2, calls=1, is_whole=True)
