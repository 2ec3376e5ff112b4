"""A terminal and the store: changes go both ways, and a conflict is told."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core.ids import OwnerId, ProjectId
from jobs.files.folder import ProjectFolder
from jobs.files.folders import ProjectFolders
from jobs.terminal.following import Following, ProjectGone
from store import Store
from tools.workspace.port import MAX_FILE_BYTES

pytestmark = pytest.mark.timeout(90)


@dataclass
class Site:
    """A project whose folder is followed."""

    store: Store
    owner: OwnerId
    project_id: ProjectId
    folder: ProjectFolder
    said: list[str] = field(default_factory=list[str])

    def following(self) -> Following:
        return Following(self.store, self.folder, self.project_id, self.owner, self.said.append)

    def on_disk(self, name: str) -> Path:
        return self.folder.path / name

    async def stored(self) -> dict[str, bytes]:
        paths = [
            entry.path
            async for entry in self.store.files.walk(self.project_id, owner=self.owner)
            if entry.kind == "file"
        ]
        found = await self.store.files.read_many(self.project_id, paths, owner=self.owner)
        return {content.entry.path: content.data for content in found}

    async def write(self, path: str, data: bytes) -> None:
        await self.store.files.write(self.project_id, path, data, owner=self.owner)


@pytest.fixture
async def site(store: Store, owner: OwnerId, tmp_path: Path) -> Site:
    project_id = (await store.projects.create(owner=owner, name="Shop")).project_id
    files = {"a.txt": b"one", "b.txt": b"two"}
    await store.files.write_many(project_id, files, owner=owner)
    folder = ProjectFolders(store, tmp_path).folder(project_id, owner=owner)
    await folder.pull()
    return Site(store, owner, project_id, folder)


async def once(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(40):
        while not await holds():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


async def test_what_a_terminal_changes_is_in_the_store_when_it_has_ended(site: Site) -> None:
    following = site.following()
    following.touched()
    site.on_disk("a.txt").unlink()
    site.on_disk("b.txt").write_bytes(b"three")
    site.on_disk("src").mkdir()
    site.on_disk("src/new.bin").write_bytes(b"\0\xff")
    site.on_disk("node_modules").mkdir()
    site.on_disk("node_modules/x.js").write_bytes(b"x")
    await following.settle()
    assert await site.stored() == {"b.txt": b"three", "src/new.bin": b"\0\xff"}
    await site.folder.pull()
    assert site.on_disk("src/new.bin").exists()
    assert site.said == []


async def test_both_see_the_other_while_it_runs(site: Site) -> None:
    following = site.following()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(following.run())

        async def is_stored() -> bool:
            return (await site.stored()).get("made.txt") == b"here"

        async def is_on_disk() -> bool:
            path = site.on_disk("theirs.txt")
            return path.exists() and path.read_bytes() == b"there"

        site.on_disk("made.txt").write_bytes(b"here")
        following.touched()
        await once(is_stored)
        await site.write("theirs.txt", b"there")
        await once(is_on_disk)
        running.cancel()
    assert site.said == []


async def test_a_file_changed_on_both_sides_is_as_the_store_has_it_and_that_is_told(
    site: Site,
) -> None:
    following = site.following()
    site.on_disk("a.txt").write_bytes(b"terminal")
    site.on_disk("c.txt").write_bytes(b"kept")
    await site.write("a.txt", b"editor")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(following.run())
        following.touched()

        async def is_theirs() -> bool:
            return site.on_disk("a.txt").read_bytes() == b"editor"

        await once(is_theirs)
        running.cancel()
    await following.settle()
    assert await site.stored() == {"a.txt": b"editor", "b.txt": b"two", "c.txt": b"kept"}
    assert site.said == ["not saved: a.txt was changed by somebody else, whose text is here now"]


async def test_what_cannot_be_kept_is_told_once(site: Site) -> None:
    following = site.following()
    with site.on_disk("big.bin").open("wb") as big:
        big.truncate(MAX_FILE_BYTES + 1)
    for _ in range(2):
        following.touched()
        await following.settle()
    assert site.said == ["too large to be kept in the project: big.bin"]


async def test_it_waits_for_a_command_of_the_agent(site: Site) -> None:
    following = site.following()
    await site.folder.command_begins("c1")
    site.on_disk("half.txt").write_bytes(b"half")
    following.touched()
    async with asyncio.TaskGroup() as tasks:
        settling = tasks.create_task(following.settle())
        await asyncio.sleep(0.3)
        assert "half.txt" not in await site.stored()
        site.on_disk("half.txt").write_bytes(b"whole")
        await site.folder.command_kept("c1", await site.folder.command_changes("c1"))
        await settling


async def test_a_cancelled_command_is_taken_back_while_a_terminal_idles(site: Site) -> None:
    following = site.following()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(following.run())
        await site.folder.command_begins("c1")
        site.on_disk("left.txt").write_bytes(b"left")
        site.folder.command_lost("c1")

        async def is_gone() -> bool:
            return not site.on_disk("left.txt").exists()

        await once(is_gone)
        running.cancel()
    assert "left.txt" not in await site.stored()


async def test_it_ends_with_its_project(site: Site) -> None:
    following = site.following()
    await site.store.projects.delete(site.project_id, owner=site.owner)
    with pytest.raises(ProjectGone):
        async with asyncio.timeout(40):
            await following.run()
    await following.settle()
    assert not site.folder.path.exists()
