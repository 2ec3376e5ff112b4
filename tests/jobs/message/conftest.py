"""Where the tests of this folder send their messages."""

from pathlib import Path

import pytest

from core.ids import OwnerId
from store import Store
from tests.jobs.message.site import Site
from tests.support.scripted_turns import ScriptedTurns


@pytest.fixture
async def site(store: Store, owner: OwnerId, tmp_path: Path) -> Site:
    project = (await store.projects.create(owner=owner, name="Shop")).project_id
    chat = await store.conversations.create(project, owner=owner, title="One")
    return Site(store, owner, tmp_path, project, chat.conversation_id, ScriptedTurns([]))
