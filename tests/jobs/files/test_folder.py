"""A project's folder follows the store, whatever happened on either side meanwhile."""

import asyncio
import hashlib
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, cast

import pytest

from core.errors import NotFound
from core.ids import FileId, OwnerId, ProjectId
from jobs.files.folder import ProjectFolder
from jobs.files.folders import own_folder
from store import Store
from store.records import (
    DeletedFile,
    FileChanges,
    FileContent,
    FileEntry,
    NewFolder,
    RenamedFile,
    WrittenFile,
)
from tests.support.store import KEY

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FILES = {"README.md": b"hello\n", "src/a.ts": b"export {};\n", "src/deep/logo.png": b"\x89PNG\0\1"}


@pytest.fixture
async def project_id(store: Store, owner: OwnerId) -> ProjectId:
    project = await store.projects.create(owner=owner, name="Shop")
    await store.files.write_many(project.project_id, FILES, owner=owner)
    return project.project_id


@pytest.fixture
def folder(store: Store, owner: OwnerId, project_id: ProjectId, tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(store, project_id, owner, tmp_path / "project")


def on_disk(tmp_path: Path) -> dict[str, bytes]:
    root = tmp_path / "project" / "files"
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


async def test_pull_brings_every_file(folder: ProjectFolder, tmp_path: Path) -> None:
    await folder.pull()
    assert on_disk(tmp_path) == FILES


async def test_pull_brings_what_changed_and_drops_what_went(
    folder: ProjectFolder, store: Store, owner: OwnerId, project_id: ProjectId, tmp_path: Path
) -> None:
    await folder.pull()
    await store.files.write(project_id, "README.md", b"new\n", owner=owner)
    await store.files.rename(project_id, "src/deep", "assets", owner=owner)
    await store.files.delete(project_id, "src/a.ts", owner=owner)
    await store.files.make_folder(project_id, "empty", owner=owner)
    await folder.pull()
    assert on_disk(tmp_path) == {"README.md": b"new\n", "assets/logo.png": b"\x89PNG\0\1"}
    assert (tmp_path / "project" / "files" / "empty").is_dir()


async def test_a_file_that_became_a_folder_and_the_reverse(
    folder: ProjectFolder, store: Store, owner: OwnerId, project_id: ProjectId, tmp_path: Path
) -> None:
    await folder.pull()
    for path in ("README.md", "src"):
        await store.files.delete(project_id, path, owner=owner)
    await store.files.write(project_id, "README.md/inside.txt", b"1", owner=owner)
    await store.files.write(project_id, "src", b"2", owner=owner)
    await folder.pull()
    assert on_disk(tmp_path) == {"README.md/inside.txt": b"1", "src": b"2"}


async def test_a_lost_or_spoilt_folder_is_made_whole(
    folder: ProjectFolder, store: Store, owner: OwnerId, project_id: ProjectId, tmp_path: Path
) -> None:
    await folder.pull()
    shutil.rmtree(tmp_path / "project" / "files" / "src")
    (tmp_path / "project" / "files" / "stray.txt").write_text("not in the store")
    (tmp_path / "project" / "version.json").write_text("{")
    another = ProjectFolder(store, project_id, owner, tmp_path / "project")
    await another.pull()
    assert on_disk(tmp_path) == FILES


async def test_a_folder_that_is_lost_under_a_running_process_comes_back(
    folder: ProjectFolder, tmp_path: Path
) -> None:
    await folder.pull()
    shutil.rmtree(tmp_path / "project")
    await folder.pull()
    assert on_disk(tmp_path) == FILES


async def test_edits_are_repeated_on_the_disk(folder: ProjectFolder, tmp_path: Path) -> None:
    await folder.pull()
    await folder.apply(
        (
            WrittenFile("README.md", b"edited\n", hashlib.sha256(FILES["README.md"]).hexdigest()),
            RenamedFile("src/a.ts", "lib/b.ts"),
            DeletedFile("src/deep"),
            NewFolder("empty/deep"),
        )
    )
    assert (tmp_path / "project" / "files" / "empty" / "deep").is_dir()
    assert on_disk(tmp_path) == {"README.md": b"edited\n", "lib/b.ts": b"export {};\n"}


async def test_an_edit_that_cannot_be_repeated_is_mended_by_the_next_pull(
    folder: ProjectFolder, tmp_path: Path
) -> None:
    await folder.pull()
    await folder.apply((RenamedFile("gone.txt", "there.txt"),))
    (tmp_path / "project" / "files" / "README.md").unlink()
    await folder.pull()
    assert on_disk(tmp_path) == FILES


NFC, NFD = "caf\u00e9.txt", "cafe\u0301.txt"


async def test_what_was_written_decomposed_is_one_file_on_the_disk(
    folder: ProjectFolder, store: Store, owner: OwnerId, project_id: ProjectId, tmp_path: Path
) -> None:
    await store.files.write(project_id, NFD, b"1", owner=owner)
    await folder.pull()
    await folder.apply((WrittenFile(NFC, b"2", hashlib.sha256(b"1").hexdigest()),))
    assert on_disk(tmp_path) == {**FILES, NFC: b"2"}


class OldFiles:
    """What a store of before gives: names that tools may not use, and both spellings of one."""

    contents: ClassVar = {NFC: b"composed", NFD: b"decomposed", "odd\u200b.txt": b"3", "a:b": b"4"}

    def __init__(self) -> None:
        self.entries = [
            FileEntry(
                file_id=FileId(path),
                project_id=ProjectId("p"),
                path=path,
                name=path,
                kind="file",
                size_bytes=len(data),
                version=1,
                updated_at=NOW,
                sha256=hashlib.sha256(data).hexdigest(),
            )
            for path, data in self.contents.items()
        ]

    async def changes(self, *_: object, **__: object) -> FileChanges:
        return FileChanges(version=1, changed=(), deleted=(), has_more=False, is_full=True)

    async def walk(self, *_: object, **__: object) -> AsyncIterator[FileEntry]:
        for entry in self.entries:
            yield entry

    async def read_many(
        self, _: ProjectId, paths: Sequence[str], *, owner: OwnerId
    ) -> tuple[FileContent, ...]:
        assert owner
        return tuple(
            FileContent(entry, self.contents[entry.path])
            for entry in self.entries
            if entry.path in paths
        )


@dataclass
class OldStore:
    files: OldFiles


async def test_a_project_of_before_that_holds_both_spellings_says_so(
    owner: OwnerId, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = cast("Store", OldStore(OldFiles()))
    folder = ProjectFolder(store, ProjectId("p"), owner, tmp_path / "project")
    for _ in range(2):
        await folder.pull()
        assert on_disk(tmp_path) == {NFC: b"composed"}
    assert "two_spellings_of_one_name" in caplog.messages
    assert "path_not_materialised" in caplog.messages


async def test_a_project_that_is_gone_is_said(
    folder: ProjectFolder, store: Store, owner: OwnerId, project_id: ProjectId
) -> None:
    await store.projects.delete(project_id, owner=owner)
    with pytest.raises(NotFound):
        await folder.pull()


async def test_the_folder_of_a_project_that_is_gone_leaves_the_disk_with_the_next_pull(
    folder: ProjectFolder, store: Store, owner: OwnerId, project_id: ProjectId, tmp_path: Path
) -> None:
    await folder.pull()
    await store.projects.delete(project_id, owner=owner)
    with pytest.raises(NotFound):
        await folder.pull()
    assert not (tmp_path / "project").exists()


FULL = """
import asyncio, resource, sys
from pathlib import Path
from core.ids import OwnerId, ProjectId
from jobs.files.folder import ProjectFolder
from store import Store
from tools.workspace.port import DiskFull

async def main(url, key, project, owner, folder):
    async with Store(url, internal_key=key) as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**18, 2**18))
        try:
            await ProjectFolder(store, ProjectId(project), OwnerId(owner), Path(folder)).pull()
        except DiskFull as full:
            print(full)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.timeout(60)
async def test_a_full_disk_is_said_and_leaves_no_half_file(
    store: Store, convex_url: str, owner: OwnerId, project_id: ProjectId, tmp_path: Path
) -> None:
    await store.files.write(project_id, "big.txt", b"x" * 300_000, owner=owner)
    arguments = [convex_url, KEY, project_id, owner, str(tmp_path / "project")]
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", FULL, *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert "big.txt" in done.stdout
    assert "big.txt" not in on_disk(tmp_path)


def test_two_processes_never_share_a_folder_and_find_theirs_again(tmp_path: Path) -> None:
    with own_folder(tmp_path) as first, own_folder(tmp_path) as second:
        assert first != second
    with own_folder(tmp_path) as again:
        assert again == first
