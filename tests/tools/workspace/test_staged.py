"""A stage behaves as the workspace would, leaves it alone, and its edits repeat what was done."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Refused
from tools.workspace.disk import DiskWorkspace
from tools.workspace.edits import Deleted, Edit, MadeFolder, Renamed, Written
from tools.workspace.memory import MemoryWorkspace
from tools.workspace.paths import confine
from tools.workspace.port import (
    MAX_FILE_BYTES,
    BadPath,
    Changed,
    Entry,
    IsAFolder,
    NoSuchFile,
    RelPath,
    Workspace,
)
from tools.workspace.staged import StagedWorkspace

FILES: dict[str, str | bytes] = {"a.txt": "one", "src/b.txt": "two", "src/deep/c.txt": "three"}
PATHS = ["a.txt", "src", "src/b.txt", "src/deep", "src/deep/c.txt", "new.txt", "src/new/d.txt"]

Operation = tuple[str, str, str]
operations = st.lists(
    st.tuples(
        st.sampled_from(["write", "delete", "rename", "make"]),
        st.sampled_from(PATHS),
        st.sampled_from(PATHS),
    ),
    max_size=8,
)


async def attempt(workspace: Workspace, operation: Operation) -> str:
    kind, path, other = operation
    try:
        match kind:
            case "write":
                await workspace.write(RelPath(path), other.encode(), expected_sha256=None)
            case "delete":
                await workspace.delete(RelPath(path))
            case "make":
                await workspace.make_folder(RelPath(path))
            case _:
                await workspace.rename(RelPath(path), RelPath(other))
    except Refused as refused:
        return type(refused).__name__
    return "done"


async def contents(workspace: Workspace) -> dict[str, bytes | None]:
    return {
        entry.path: await workspace.read(entry.path) if entry.kind == "file" else None
        for entry in await workspace.walk()
    }


async def replay(workspace: Workspace, edits: Sequence[Edit]) -> None:
    for edit in edits:
        match edit:
            case Written():
                await workspace.write(confine(edit.path), edit.data, expected_sha256=None)
            case Deleted():
                await workspace.delete(confine(edit.path))
            case Renamed():
                await workspace.rename(confine(edit.path), confine(edit.new_path))
            case MadeFolder():
                await workspace.make_folder(confine(edit.path))


@settings(max_examples=300, deadline=None)
@given(operations)
async def test_a_stage_answers_as_the_workspace_would(wanted: list[Operation]) -> None:
    direct, base = MemoryWorkspace(FILES), MemoryWorkspace(FILES)
    stage = StagedWorkspace(base)
    for operation in wanted:
        assert await attempt(stage, operation) == await attempt(direct, operation)
    assert await contents(stage) == await contents(direct)
    assert await contents(base) == await contents(MemoryWorkspace(FILES))
    await replay(base, stage.edits)
    assert await contents(base) == await contents(direct)


async def test_an_edit_says_what_it_was_based_on() -> None:
    stage = StagedWorkspace(MemoryWorkspace(FILES))
    await stage.write(RelPath("a.txt"), b"1", expected_sha256=None)
    await stage.write(RelPath("a.txt"), b"2", expected_sha256=hashlib.sha256(b"1").hexdigest())
    await stage.write(RelPath("z.txt"), b"3", expected_sha256="")
    bases = [edit.base_sha256 for edit in stage.edits if isinstance(edit, Written)]
    assert bases == [hashlib.sha256(b"one").hexdigest(), hashlib.sha256(b"1").hexdigest(), ""]


async def test_a_stale_write_is_refused_and_leaves_no_edit() -> None:
    stage = StagedWorkspace(MemoryWorkspace(FILES))
    with pytest.raises(Changed):
        await stage.write(RelPath("a.txt"), b"1", expected_sha256=hashlib.sha256(b"0").hexdigest())
    assert stage.edits == ()


async def test_reading_a_deleted_file_is_refused() -> None:
    stage = StagedWorkspace(MemoryWorkspace(FILES))
    await stage.delete(RelPath("src"))
    with pytest.raises(NoSuchFile):
        await stage.read(RelPath("src/b.txt"))
    with pytest.raises(IsAFolder):
        await StagedWorkspace(MemoryWorkspace(FILES)).read(RelPath("src"))


async def test_a_write_lists_only_the_folders_on_its_way(tmp_path: Path) -> None:
    disk = CountingDisk(tmp_path)
    for path in ("src/a.txt", "lib/b.txt"):
        await disk.mirror(confine(path), b"one")
    stage = StagedWorkspace(disk)
    await stage.write(RelPath("src/a.txt"), b"two", expected_sha256=None)
    assert disk.listed == []
    await stage.write(RelPath("src/new/c.txt"), b"three", expected_sha256="")
    assert disk.listed == ["src/new/c.txt", "", "src", "src/new"]
    assert [entry.path for entry in await stage.walk() if entry.kind == "file"] == [
        "lib/b.txt",
        "src/a.txt",
        "src/new/c.txt",
    ]


async def test_nothing_is_staged_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    root = tmp_path / "root"
    root.mkdir()
    (root / "folder").symlink_to(tmp_path / "outside")
    (root / "dangling").symlink_to(tmp_path / "nowhere")
    stage = StagedWorkspace(DiskWorkspace(root))
    for path in ("folder/a.txt", "folder", "dangling", "dangling/a.txt"):
        with pytest.raises(BadPath):
            await stage.write(RelPath(path), b"x", expected_sha256=None)
        with pytest.raises(BadPath):
            await stage.make_folder(RelPath(path))
    assert stage.edits == ()


class CountingDisk(DiskWorkspace):
    """Notes which folders are listed; None for a walk of all."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.listed: list[str | None] = []

    async def list_folder(self, path: RelPath) -> list[Entry]:
        self.listed.append(path)
        return await super().list_folder(path)

    async def walk(self) -> list[Entry]:
        self.listed.append(None)
        return await super().walk()


async def test_moving_a_folder_reads_none_of_its_files(tmp_path: Path) -> None:
    disk = DiskWorkspace(tmp_path)
    await disk.mirror(confine("media/film.mp4"), b"x" * (MAX_FILE_BYTES + 1))
    await disk.mirror(confine("media/a.txt"), b"one")
    stage = StagedWorkspace(disk)
    await stage.rename(RelPath("media"), RelPath("assets"))  # larger than a tool may read
    await stage.rename(RelPath("assets"), RelPath("public/assets"))
    await stage.write(RelPath("media/a.txt"), b"new", expected_sha256="")
    assert await stage.read(RelPath("public/assets/a.txt")) == b"one"
    assert await stage.read(RelPath("media/a.txt")) == b"new"
    await stage.write(RelPath("public/assets/a.txt"), b"two", expected_sha256=None)
    assert await stage.read(RelPath("public/assets/a.txt")) == b"two"
