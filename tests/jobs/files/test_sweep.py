"""A deleted project leaves the disk of every worker, also of one that has died."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.ids import OwnerId, ProjectId
from jobs.files.folders import ProjectFolders, holding, name_of, own_folder
from jobs.files.sweep import FolderSweeper
from store import Store

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    with own_folder(tmp_path) as folder:
        yield folder


@pytest.fixture
def folders(store: Store, own: Path) -> ProjectFolders:
    return ProjectFolders(store, own)


async def made(store: Store, owner: OwnerId) -> ProjectId:
    project = await store.projects.create(owner=owner, name="Shop")
    await store.files.write(project.project_id, "a.txt", b"secret", owner=owner)
    return project.project_id


def copies(*roots: Path) -> int:
    return sum(1 for root in roots for _ in root.rglob("a.txt"))


async def test_a_deleted_project_goes_and_the_others_stay(
    store: Store, owner: OwnerId, folders: ProjectFolders, own: Path
) -> None:
    stays, goes = await made(store, owner), await made(store, owner)
    for project_id in (stays, goes):
        await folders.folder(project_id, owner=owner).pull()
    await store.projects.delete(goes, owner=owner)
    assert await FolderSweeper(store, folders).sweep() == 1
    assert copies(own) == 1
    assert folders.opened == (stays,)
    assert not (own / name_of(goes)).exists()


async def test_what_another_process_left_behind_goes_too(
    store: Store, owner: OwnerId, own: Path, tmp_path: Path
) -> None:
    """The worker that had it died before the project was deleted; one beside it is alive."""
    project_id = await made(store, owner)
    with own_folder(tmp_path) as dead:
        await ProjectFolders(store, dead).folder(project_id, owner=owner).pull()
    alive = tmp_path / "7"
    alive.mkdir()
    with holding(alive) as is_held:
        assert is_held
        await ProjectFolders(store, alive).folder(project_id, owner=owner).pull()
        await store.projects.delete(project_id, owner=owner)
        assert await FolderSweeper(store, ProjectFolders(store, own)).sweep() == 1
        assert (copies(dead), copies(alive)) == (0, 1), "its own sweep removes that"
    assert await FolderSweeper(store, ProjectFolders(store, own)).sweep() == 1
    assert copies(tmp_path) == 0


async def test_after_a_restart_what_nobody_has_opened_yet_is_swept(
    store: Store, owner: OwnerId, folders: ProjectFolders, own: Path
) -> None:
    stays, goes = await made(store, owner), await made(store, owner)
    for project_id in (stays, goes):
        await folders.folder(project_id, owner=owner).pull()
    await store.projects.delete(goes, owner=owner)
    assert await FolderSweeper(store, ProjectFolders(store, own)).sweep() == 1
    assert copies(own) == 1


@pytest.mark.parametrize("note", [None, "{", json.dumps({"version": 3}), "[]"])
async def test_a_folder_that_does_not_say_whose_it_is_goes(
    store: Store, folders: ProjectFolders, own: Path, note: str | None
) -> None:
    unknown = own / ("f" * 32)
    (unknown / "files").mkdir(parents=True)
    if note is not None:
        (unknown / "version.json").write_text(note)
    assert await FolderSweeper(store, folders).sweep() == 1
    assert not unknown.exists()


async def test_a_folder_that_is_being_filled_for_the_first_time_stays(
    store: Store, owner: OwnerId, folders: ProjectFolders, own: Path
) -> None:
    project_id = await made(store, owner)
    folder = folders.folder(project_id, owner=owner)
    sweeper = FolderSweeper(store, folders)
    await asyncio.gather(folder.pull(), *(sweeper.sweep() for _ in range(5)))
    assert copies(own) == 1


async def test_a_disk_that_cannot_be_read_postpones_the_sweep(
    store: Store,
    owner: OwnerId,
    folders: ProjectFolders,
    own: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    goes = await made(store, owner)
    await folders.folder(goes, owner=owner).pull()
    await store.projects.delete(goes, owner=owner)
    hidden = own.with_name("hidden")
    move(own, hidden)
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(FolderSweeper(store, folders, every_s=0.02).run())
        while "sweep_postponed" not in caplog.text:  # noqa: ASYNC110 - so has the log
            await asyncio.sleep(0.01)
        move(hidden, own)
        while copies(own):  # noqa: ASYNC110 - the disk has to be asked
            await asyncio.sleep(0.01)
        running.cancel()


def move(source: Path, target: Path) -> None:
    source.rename(target)
