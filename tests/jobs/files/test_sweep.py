"""Deleted projects leave the disk of every worker, also of one that has died; cold ones go, too."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.ids import OwnerId, ProjectId
from jobs.files.folder import ProjectFolder
from jobs.files.folders import ProjectFolders, holding, name_of, own_folder
from jobs.files.removal import left_behind, remove, set_aside
from jobs.files.sweep import DAY_S, FolderSweeper, Room
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


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def aged(own: Path, project_id: ProjectId, days: float) -> None:
    then = SystemClock().now().timestamp() - days * DAY_S
    os.utime(own / name_of(project_id), (then, then))


async def filled(folders: ProjectFolders, project_id: ProjectId, owner: OwnerId) -> ProjectFolder:
    """With 3 MB that stay on the disk, as installed packages do."""
    folder = folders.folder(project_id, owner=owner)
    await folder.pull()
    (folder.path / "node_modules" / "m").mkdir(parents=True)
    with (folder.path / "node_modules" / "m" / "i.js").open("wb") as file:
        file.write(os.urandom(3_000_000))  # no disk makes it smaller
        os.fsync(file.fileno())  # nor takes its room later
    return folder


async def test_what_nobody_has_used_for_days_goes_and_comes_back_with_the_next_pull(
    store: Store, owner: OwnerId, folders: ProjectFolders, own: Path
) -> None:
    old, new = await made(store, owner), await made(store, owner)
    for project_id in (old, new):
        await filled(folders, project_id, owner)
    aged(own, old, 7.1)
    aged(own, new, 6.9)
    sweeper = FolderSweeper(store, folders)
    assert await sweeper.sweep() == 1
    assert not (own / name_of(old)).exists()
    assert (own / name_of(new) / "files" / "node_modules").exists()
    folder = folders.folder(old, owner=owner)
    await folder.pull()
    assert (folder.path / "a.txt").read_bytes() == b"secret"
    assert await sweeper.sweep() == 0


async def test_beyond_the_room_what_was_used_least_lately_goes(
    store: Store, owner: OwnerId, folders: ProjectFolders, own: Path, tmp_path: Path
) -> None:
    """What other workers have counts as well; of one that is gone it may be taken."""
    ages = {3.0: await made(store, owner), 1.0: await made(store, owner)}
    for days, project_id in ages.items():
        await filled(folders, project_id, owner)
        aged(own, project_id, days)
    with own_folder(tmp_path) as dead:
        theirs = await made(store, owner)
        await filled(ProjectFolders(store, dead), theirs, owner)
        aged(dead, theirs, 2.0)
    alive = tmp_path / "7"
    alive.mkdir()
    with holding(alive):
        await filled(ProjectFolders(store, alive), theirs, owner)
        aged(alive, theirs, 4.0)
        room = Room(most_bytes=7_000_000)
        assert await FolderSweeper(store, folders, room=room).sweep() == 2
    assert not (own / name_of(ages[3.0])).exists()
    assert (own / name_of(ages[1.0])).exists()
    assert (copies(dead), copies(alive)) == (0, 1)


async def test_what_is_in_use_is_never_evicted(
    store: Store, owner: OwnerId, folders: ProjectFolders, own: Path
) -> None:
    project_id = await made(store, owner)
    folder = await filled(folders, project_id, owner)
    busy: set[Path] = set()
    room = Room(most_bytes=1, most_days=0.0001)
    sweeper = FolderSweeper(store, folders, room=room, is_in_use=busy.__contains__)
    assert await sweeper.sweep() == 0, "it was used a moment ago"
    aged(own, project_id, 30)
    with folder.in_use():
        assert await sweeper.sweep() == 0
    busy.add(folder.path)
    assert await sweeper.sweep() == 0
    busy.clear()
    await folder.command_begins("c1")
    (folder.path / "a.txt").write_bytes(b"not pushed yet")
    aged(own, project_id, 30)
    assert await sweeper.sweep() == 0
    changes = await folder.command_changes("c1")
    assert len(changes.edits) == 1
    await folder.command_kept("c1", changes)
    aged(own, project_id, 30)
    assert await sweeper.sweep() == 1
    assert not (own / name_of(project_id)).exists()


async def test_a_folder_that_is_being_pulled_is_in_use(
    store: Store, owner: OwnerId, folders: ProjectFolders, own: Path
) -> None:
    project_id = await made(store, owner)
    folder = await filled(folders, project_id, owner)
    sweeper = FolderSweeper(store, folders, room=Room(most_bytes=1, idle_s=0))
    for number in range(10):
        await store.files.write(project_id, "a.txt", b"%d" % number, owner=owner)
        aged(own, project_id, 30)
        await asyncio.gather(folder.pull(), sweeper.sweep())
        await folder.pull()
        assert (folder.path / "a.txt").read_bytes() == b"%d" % number


async def test_what_a_crash_has_left_of_a_removal_goes(
    store: Store, owner: OwnerId, folders: ProjectFolders, own: Path, tmp_path: Path
) -> None:
    project_id = await made(store, owner)
    await filled(folders, project_id, owner)
    with own_folder(tmp_path) as dead:
        (dead / "0123").mkdir()
        for root in (own, dead):
            (root / "sub").mkdir()
            (root / "sub" / "a.txt").write_bytes(b"secret")
            assert set_aside(root / "sub") is not None
    await FolderSweeper(store, folders).sweep()
    assert copies(own) == 1, "that of the project that is there"
    assert copies(dead) == 0
    assert left_behind(own) == left_behind(dead) == []


async def test_a_removal_takes_what_is_closed_deep_or_linked(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o750)
    (outside / "kept.txt").write_text("theirs")
    folder = tmp_path / "project"
    (folder / "closed" / "inner").mkdir(parents=True)
    (folder / "closed" / "inner" / "x").write_text("1")
    (folder / "link").symlink_to(outside)
    (folder / "closed" / "inner").chmod(0)
    (folder / "closed").chmod(0o500)
    deep = os.open(folder, os.O_RDONLY)
    for _ in range(1_500):  # more than a recursion, and longer than a path may be
        os.mkdir("d" * 10, dir_fd=deep)
        below = os.open("d" * 10, os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = below
    os.close(deep)
    aside = set_aside(folder)
    assert aside is not None
    assert not folder.exists()
    await asyncio.to_thread(remove, aside)
    assert names_in(tmp_path) == ["outside"]
    assert (outside / "kept.txt").read_text() == "theirs"
    assert outside.stat().st_mode & 0o777 == 0o750
    assert set_aside(folder) is None
