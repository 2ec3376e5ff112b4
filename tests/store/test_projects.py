import pytest

from core.errors import Conflict, Refused
from core.ids import OwnerId
from store import Store
from store.records import ProjectSettings, SettingsChange


async def test_one_key_makes_one_project_and_one_conversation(store: Store, owner: OwnerId):
    first = await store.projects.create(owner=owner, name="P", key="k")
    assert await store.projects.create(owner=owner, name="P", key="k") == first
    project_id = first.project_id
    talk = await store.conversations.create(project_id, owner=owner, title="T", key="k")
    assert await store.conversations.create(project_id, owner=owner, title="T", key="k") == talk
    assert (await store.conversations.list(project_id, owner=owner)).items == (talk,)


async def test_a_project_is_renamed_and_configured(store: Store, owner: OwnerId):
    project_id = (await store.projects.create(owner=owner, name="P")).project_id
    await store.projects.rename(project_id, owner=owner, name="Q")
    change: SettingsChange = {"dev_command": "pnpm dev", "registries": ("npm.example.com:443",)}
    project = await store.projects.configure(project_id, owner=owner, change=change)
    registries = ("npm.example.com:443",)
    settings = ProjectSettings(dev_command="pnpm dev", registries=registries)
    assert (project.name, project.settings) == ("Q", settings)
    change = {"dev_command": None, "tool_set": "ids"}
    project = await store.projects.configure(project_id, owner=owner, change=change)
    assert project.settings == ProjectSettings(tool_set="ids", registries=registries)
    for bad in (("x",), ("NPM.example.com:443",), ("a:1,b:2",), ("a:1",) * 51):
        with pytest.raises(Refused):
            await store.projects.configure(project_id, owner=owner, change={"registries": bad})
    conversation = await store.conversations.create(project_id, owner=owner, title="T")
    renamed = await store.conversations.rename(conversation.conversation_id, owner=owner, title="U")
    assert renamed.title == "U"


async def test_projects_come_last_updated_first_in_pages(store: Store, owner: OwnerId):
    made = [await store.projects.create(owner=owner, name=f"P{i}") for i in range(5)]
    await store.files.write(made[0].project_id, "a", b"1", owner=owner)
    first = await store.projects.list(owner=owner, limit=3)
    assert first.next_cursor is not None
    second = await store.projects.list(owner=owner, limit=3, cursor=first.next_cursor)
    found = [*first.items, *second.items]
    assert sorted(project.name for project in found) == ["P0", "P1", "P2", "P3", "P4"]
    updated = [project.updated_at for project in found]
    assert updated == sorted(updated, reverse=True)
    assert second.next_cursor is None


async def test_a_transfer_runs_once_at_a_time_and_shows_on_the_project(
    store: Store, owner: OwnerId
):
    project_id = (await store.projects.create(owner=owner, name="P")).project_id
    transfer = await store.transfers.start(project_id, owner=owner, kind="import", key="1")
    with pytest.raises(Conflict):
        await store.transfers.start(project_id, owner=owner, kind="import", key="2")
    assert await store.transfers.progress(transfer.transfer_id, done=3, total=9)
    ended = await store.transfers.finish(
        transfer.transfer_id, status="failed", error="no such repo"
    )
    assert (ended.done, ended.total, ended.error) == (3, 9, "no such repo")
    assert not await store.transfers.progress(transfer.transfer_id, done=4, total=9)
    project = await store.projects.owned(project_id, owner=owner)
    assert project.import_status == "failed"
    assert await store.transfers.latest(project_id, owner=owner) == (ended,)


async def test_log_lines_are_kept_once_and_read_oldest_first(store: Store, owner: OwnerId):
    project_id = (await store.projects.create(owner=owner, name="P")).project_id
    for key in ("1", "2", "2"):
        await store.events.append(
            project_id, owner=owner, key=key, type="step", message=f"step {key}"
        )
    lines = await store.events.latest(project_id, owner=owner)
    assert [(line.type, line.message) for line in lines] == [("step", "step 1"), ("step", "step 2")]
